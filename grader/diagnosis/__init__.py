"""Why a score is what it is: hypotheses tried on the submission, after it has been graded."""
