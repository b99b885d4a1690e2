"""Class lists, the drawn demo set, and where the real sets come from."""
