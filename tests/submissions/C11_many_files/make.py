"""Make the files."""

import sys
from pathlib import Path

for number in range(1000):
    (Path(sys.argv[1]) / f"{number}.txt").touch()
