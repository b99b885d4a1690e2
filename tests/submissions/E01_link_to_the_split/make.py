"""Make the link beside a file that is copied first."""

import os
import sys
from pathlib import Path

folder = Path(sys.argv[1]) / "data"
folder.mkdir()
(folder / "00.bin").write_bytes(bytes(1 << 20))
(folder / "00_00").symlink_to(Path(os.environ["CORPUS_IMAGES"], "00_00"))
