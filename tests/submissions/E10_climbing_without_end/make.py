"""Write a zip with a path of sixty thousand letters that leads out of it."""

import sys
import zipfile
from pathlib import Path

folder = Path(sys.argv[1])
with zipfile.ZipFile(folder.with_name(f"{folder.name}.zip"), "w") as zipped:
    zipped.write(folder / "main.py", "main.py")
    zipped.writestr("../" * 20_000 + "\x1b[31m", b"")
