"""Grade submissions: `grader.grade(submission, split, assignment) -> Report`."""
