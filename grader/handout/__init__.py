"""What students get, and the check that nothing else is among it."""
