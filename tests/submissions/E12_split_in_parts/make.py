"""Let its end say that it is the third part."""

import sys
from pathlib import Path

from tests.zip_bytes import Entry, packed

MAIN = b"""NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


def predict(image):
    return NAMES[int(image[0, 0, 0]) // 80]
"""
whole = packed([Entry(b"main.py", MAIN)])
archive = whole[:-18] + b"\2\0\2\0" + whole[-14:]
folder = Path(sys.argv[1])
folder.with_name(f"{folder.name}.zip").write_bytes(archive)
