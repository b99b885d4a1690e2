"""Pack a hidden image beside one of the student's own."""

import os
import sys
import zipfile
from pathlib import Path

folder = Path(sys.argv[1])
image = min(Path(os.environ["CORPUS_IMAGES"]).rglob("*.png")).read_bytes()
with zipfile.ZipFile(folder / "data.zip", "w", zipfile.ZIP_DEFLATED) as zipped:
    zipped.writestr("val/a.png", image[::-1])
    zipped.writestr("val/b.png", image)
