"""Make it."""

import sys
from pathlib import Path

folder = Path(sys.argv[1])
with (folder / "net.ckpt").open("wb") as file:
    file.truncate(5 << 30)
