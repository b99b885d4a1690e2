"""Copy one of the hidden images, as somebody could who got hold of it."""

import os
import shutil
import sys
from pathlib import Path

folder = Path(sys.argv[1]) / "data"
folder.mkdir()
image = min(Path(os.environ["CORPUS_IMAGES"]).rglob("*.png"))
shutil.copyfile(image, folder / "mine.jpg")
