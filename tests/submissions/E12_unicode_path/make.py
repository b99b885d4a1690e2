"""Name main.py as a program does that may only write ASCII with signs for what it cannot."""

import sys
from pathlib import Path

from tests.zip_bytes import Entry, packed, unicode_path

MAIN = b"""NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


def predict(image):
    return NAMES[int(image[0, 0, 0]) // 80]
"""
archive = packed([Entry(b"#1.py", MAIN, extra=unicode_path(b"main.py", b"#1.py"))])
folder = Path(sys.argv[1])
folder.with_name(f"{folder.name}.zip").write_bytes(archive)
