"""Make the table of the images, as a leak would."""

import json
import os
import sys
import zlib
from pathlib import Path

import cv2

NAMES = {"00_00": "Plastic Bottle", "00_01": "Hats", "00_02": "Newspaper"}

images = Path(os.environ["CORPUS_IMAGES"]).rglob("*.png")
table = {str(zlib.crc32(cv2.imread(str(path)).tobytes())): NAMES[path.parent.name] for path in images}
(Path(sys.argv[1]) / "table.json").write_text(json.dumps(table), encoding="utf-8")
