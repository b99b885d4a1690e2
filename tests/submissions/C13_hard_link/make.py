"""Make it."""

import os
import sys
from pathlib import Path

folder = Path(sys.argv[1])
(folder.parent / "kept").write_bytes(b"weights")
os.link(folder.parent / "kept", folder / "net.ckpt")
