"""Make the files."""

import sys
from pathlib import Path

folder = Path(sys.argv[1]) / "results"
folder.mkdir()
for name in (
    "权重.npz",
    "🎓.npz",
    "two\nlines.npz",
    "\u202enpz.tset",
    "a b'c\"d<b>.npz",
    "权" * 85,
    "n" * 255,
):
    (folder / name).write_bytes(b"PK\5\6" + bytes(18))
