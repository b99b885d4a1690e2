"""What this machine offers to grading: small probes, each with what it found and what to do about it."""
