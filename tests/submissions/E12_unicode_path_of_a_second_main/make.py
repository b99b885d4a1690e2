"""Let the Unicode path field rename a file to main.py beside main.py."""

import sys
from pathlib import Path

from tests.zip_bytes import Entry, packed, unicode_path

MAIN = b"""NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


def predict(image):
    return NAMES[int(image[0, 0, 0]) // 80]
"""
other = Entry(b"notes.py", MAIN + b"#", extra=unicode_path(b"main.py", b"notes.py"))
archive = packed([Entry(b"main.py", MAIN), other])
folder = Path(sys.argv[1])
folder.with_name(f"{folder.name}.zip").write_bytes(archive)
