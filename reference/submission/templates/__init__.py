"""Files that are filled in and written out; never imported."""
