"""Write a notebook of two million empty lists: 8 MB that become 200."""

import sys
from pathlib import Path

(Path(sys.argv[1]) / "work.ipynb").write_text('{"cells": [' + "[]," * 2_700_000 + "[]]}", encoding="utf-8")
