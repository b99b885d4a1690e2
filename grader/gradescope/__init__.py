"""This harness as a Gradescope autograder."""
