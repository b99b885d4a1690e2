"""Write as many files as are let in, with the longest names that there are."""

import sys
from pathlib import Path

for number in range(4_000):
    (Path(sys.argv[1]) / f"{number:04d}{'<&' * 120}.ckpt").write_bytes(b"x")
