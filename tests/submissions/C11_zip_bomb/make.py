"""Pack zeros."""

import sys
import zipfile
from pathlib import Path

folder = Path(sys.argv[1])
archive = folder.with_name(f"{folder.name}.zip")
with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
    zipped.writestr("main.py", "def predict(image):\n    return 'Hats'\n")
    zipped.writestr("weights.npz", bytes(60 << 20))
