"""Make it."""

import sys
from pathlib import Path

folder = Path(sys.argv[1])
(folder / "net.ckpt").write_bytes(b"weights")
(folder / "net.ckpt").chmod(0)
