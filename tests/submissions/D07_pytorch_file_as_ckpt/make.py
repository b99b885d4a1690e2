"""Write a zip as PyTorch does."""

import sys
import zipfile
from pathlib import Path

with zipfile.ZipFile(Path(sys.argv[1]) / "net.ckpt", "w") as file:
    file.writestr("net/data.pkl", b"\x80\x02}q\x00.")
    file.writestr("net/version", "3\n")
    file.writestr("net/data/0", bytes(400))
