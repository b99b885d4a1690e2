"""Add 50 MB of comments to main.py."""

import sys
from pathlib import Path

with (Path(sys.argv[1]) / "main.py").open("a", encoding="utf-8") as file:
    file.write(("# " + "0123456789" * 200 + "\n") * 25_000)
