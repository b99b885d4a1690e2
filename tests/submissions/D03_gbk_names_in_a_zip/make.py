"""Pack a zip as Windows does. The names are written in ASCII first, then replaced by GBK of the same length."""

import sys
import zipfile
from pathlib import Path

MAIN = """
with open("权重/类别.txt", encoding="utf-8") as file:
    NAMES = file.read().split()


def predict(image):
    return NAMES[int(image[0, 0, 0]) // 80]
"""

folder = Path(sys.argv[1])
archive = folder.with_name(f"{folder.name}.zip")
with zipfile.ZipFile(archive, "w") as zipped:
    zipped.writestr("main.py", MAIN)
    zipped.writestr("AAAA_BBBB.txt", "塑料瓶 帽子 报纸")
packed = archive.read_bytes()
archive.write_bytes(packed.replace(b"AAAA_BBBB.txt", "权重\\类别.txt".encode("gbk")))
