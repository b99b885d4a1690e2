"""Write the checkpoint; *.ckpt is kept out of the repository."""

import sys
from pathlib import Path

(Path(sys.argv[1]) / "net.ckpt").write_bytes(b"hello world")
