"""What changed between two gradings, and why."""
