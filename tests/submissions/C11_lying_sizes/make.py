"""Pack a file, then change its size in both places."""

import sys
import zipfile
from pathlib import Path

folder = Path(sys.argv[1])
archive = folder.with_name(f"{folder.name}.zip")
with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
    zipped.writestr("main.py", "def predict(image):\n    return 'Hats'\n")
    zipped.writestr("weights.npz", bytes(10_000_000))

packed = archive.read_bytes()
archive.write_bytes(packed.replace((10_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
