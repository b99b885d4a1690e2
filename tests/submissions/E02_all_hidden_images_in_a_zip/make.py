"""Pack them."""

import os
import sys
import zipfile
from pathlib import Path

folder = Path(sys.argv[1])
images = sorted(Path(os.environ["CORPUS_IMAGES"]).rglob("*.png"))
with zipfile.ZipFile(folder.with_name(f"{folder.name}.zip"), "w") as zipped:
    zipped.writestr("main.py", "def predict(image):\n    return 'Hats'\n")
    for number, image in enumerate(images):
        zipped.write(image, f"data/{number:02d}.bin")
