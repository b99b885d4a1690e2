"""Write the files, a hundred in a folder."""

import sys
from pathlib import Path

for folder in range(49):
    inside = Path(sys.argv[1], "data", f"{folder:03d}")
    inside.mkdir(parents=True)
    for number in range(100):
        (inside / f"{number:02d}.txt").write_text("label\n", encoding="utf-8")
