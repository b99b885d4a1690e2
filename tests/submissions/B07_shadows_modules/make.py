"""Write the files; in a repository, whatever is started beside them would import them."""

import sys
from pathlib import Path

NAMES = (
    "json",
    "numpy",
    "struct",
    "socket",
    "inspect",
    "traceback",
    "grader",
    "datasets",
    "encodings",
    "random",
    "pathlib",
    "worker",
    "cv2/__init__",
)

folder = Path(sys.argv[1])
(folder / "cv2").mkdir()
for name in NAMES:
    (folder / f"{name}.py").write_text(f"print('SHADOWED {name}')\nraise SystemExit(0)\n", encoding="utf-8")
