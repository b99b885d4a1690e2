"""Write a notebook of eight million lists in lists."""

import sys
from pathlib import Path

text = '{"cells": [' + "[[]]," * 5_400_000 + "[]]}"
(Path(sys.argv[1]) / "main.ipynb").write_text(text, encoding="utf-8")
