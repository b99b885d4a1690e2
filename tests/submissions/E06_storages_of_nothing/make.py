"""Write a PyTorch file of thousands of empty storages, and one whose directory names one storage often."""

import sys
import zipfile
from pathlib import Path

folder = Path(sys.argv[1])
with zipfile.ZipFile(folder / "net.pt", "w") as zipped:
    for number in range(30_000):
        zipped.writestr(f"n/data/{number}", b"")
with zipfile.ZipFile(folder / "other.pt", "w") as zipped:
    zipped.writestr("n/data/0", bytes(4_000_000))
    zipped.filelist += [zipped.filelist[0]] * 2_000
