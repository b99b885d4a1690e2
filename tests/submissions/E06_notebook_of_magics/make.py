"""Write a notebook whose marked cell has half a million magics."""

import json
import sys
from pathlib import Path

cell = {"cell_type": "code", "metadata": {}, "source": "# main.py\n" + "%x\n" * 500_000}
(Path(sys.argv[1]) / "main.ipynb").write_text(json.dumps({"cells": [cell]}), encoding="utf-8")
