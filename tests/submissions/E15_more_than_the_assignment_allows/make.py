"""Write the data, which takes no room on the disk."""

import sys
from pathlib import Path

with Path(sys.argv[1], "data.npy").open("wb") as file:
    file.truncate(500_000_000)
