"""Rename an entry as a program does that does not know the field."""

import sys
from pathlib import Path

from tests.zip_bytes import Entry, packed, unicode_path

MAIN = b"""NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


def predict(image):
    return NAMES[int(image[0, 0, 0]) // 80]
"""
archive = packed([Entry(b"main.py", MAIN, extra=unicode_path(b"old.py", b"old.py"))])
folder = Path(sys.argv[1])
folder.with_name(f"{folder.name}.zip").write_bytes(archive)
