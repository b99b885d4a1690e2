"""Where a submission's code runs: what it can see, what it may use, and how that is enforced."""
