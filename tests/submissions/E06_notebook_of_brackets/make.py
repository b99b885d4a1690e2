"""Write a notebook whose marked cell is one expression without end."""

import json
import sys
from pathlib import Path

cell = {"cell_type": "code", "metadata": {}, "source": "# main.py\nx = " + "-" * 100_000 + "1"}
(Path(sys.argv[1]) / "main.ipynb").write_text(json.dumps({"cells": [cell]}), encoding="utf-8")
