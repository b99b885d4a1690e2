"""Make the link."""

import sys
from pathlib import Path

folder = Path(sys.argv[1])
(folder / "best.ckpt").write_bytes(b"")
(folder / "net.ckpt").symlink_to("best.ckpt")
