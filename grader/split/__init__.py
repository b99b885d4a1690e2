"""A split in one file that only the holder of a key can read, or change unnoticed."""
