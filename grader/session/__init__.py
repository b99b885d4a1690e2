"""One grading from end to end, and what all gradings have in common."""
