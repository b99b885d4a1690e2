"""Pack the files."""

import sys
import zipfile
from pathlib import Path

folder = Path(sys.argv[1])
with zipfile.ZipFile(folder.with_name(f"{folder.name}.zip"), "w") as zipped:
    zipped.writestr("main.py", "def predict(image):\n    return 'Hats'\n")
    for number in range(400):
        zipped.writestr(f"{number}/{'a/' * 29}x", "")
