"""Let the short record tell of one entry and the ZIP64 record of two."""

import sys
from pathlib import Path

from tests.zip_bytes import Entry, packed

MAIN = b"""NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


def predict(image):
    return NAMES[int(image[0, 0, 0]) // 80]
"""
two = packed([Entry(b"main.py", MAIN), Entry(b"main.py", MAIN + b"#")], zip64=True)
archive = two[:-14] + b"\1\0\1\0" + two[-10:]
folder = Path(sys.argv[1])
folder.with_name(f"{folder.name}.zip").write_bytes(archive)
