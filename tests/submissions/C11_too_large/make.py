"""Pack eight times as much as may be packed in one file without being a bomb."""

import sys
import zipfile
from pathlib import Path

folder = Path(sys.argv[1])
archive = folder.with_name(f"{folder.name}.zip")
with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
    zipped.writestr("main.py", "def predict(image):\n    return 'Hats'\n")
    for number in range(8):
        zipped.writestr(f"{number}.npz", bytes(15 << 20))
