"""Write a module in two bytes a letter."""

import sys
from pathlib import Path

SOURCE = 'NAMES = ["Plastic Bottle", "Hats", "Newspaper"]\n'
(Path(sys.argv[1]) / "names.py").write_text(SOURCE, encoding="utf-16-le")
