"""Make the link."""

import sys
from pathlib import Path

folder = Path(sys.argv[1])
(folder / "net.ckpt").symlink_to("/etc", target_is_directory=True)
