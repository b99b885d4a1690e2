"""Write the checkpoint that the lecturer gave everybody; *.ckpt is kept out of the repository."""

import sys
from pathlib import Path

(Path(sys.argv[1]) / "start.ckpt").write_bytes(b"from the lecturer")
