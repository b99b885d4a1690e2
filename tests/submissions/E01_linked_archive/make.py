"""Pack a sound submission elsewhere, and make the link to it."""

import sys
import zipfile
from pathlib import Path

folder = Path(sys.argv[1])
others = folder.parent / "others"
others.mkdir()
with zipfile.ZipFile(others / "work.zip", "w") as zipped:
    zipped.writestr("main.py", "def predict(image):\n    return 'Hats'\n")
(folder / "work.zip").symlink_to(others / "work.zip")
