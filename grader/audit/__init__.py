"""Whether a split can be trusted: what leaks from training to hidden images, and what is odd about either."""
