"""Make it."""

import os
import sys
from pathlib import Path

folder = Path(sys.argv[1])
os.mkfifo(folder / "net.ckpt")
