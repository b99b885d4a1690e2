part = "grader of mine"
