"""A trained network in other formats, each loaded again and compared before it appears."""
