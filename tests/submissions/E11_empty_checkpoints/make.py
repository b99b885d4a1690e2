"""Write four thousand empty checkpoints."""

import sys
from pathlib import Path

for number in range(4_000):
    (Path(sys.argv[1]) / f"{number:04d}.ckpt").touch()
