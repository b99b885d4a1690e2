"""One hypothesis a file: what may be wrong, how it is tried, what speaks for it, and what to do."""
