"""Pack 70,000 empty files."""

import sys
from pathlib import Path

from tests.zip_bytes import Entry, packed

MAIN = b"""NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


def predict(image):
    return NAMES[int(image[0, 0, 0]) // 80]
"""
archive = packed([Entry(b"main.py", MAIN), *(Entry(b"%d" % number) for number in range(70_000))], zip64=True)
folder = Path(sys.argv[1])
folder.with_name(f"{folder.name}.zip").write_bytes(archive)
