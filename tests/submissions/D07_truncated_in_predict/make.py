"""Write the checkpoint."""

import sys
from pathlib import Path

import numpy as np

path = Path(sys.argv[1]) / "net.npz"
path.parent.mkdir(exist_ok=True)
np.savez(path, weight=np.ones(3))
path.write_bytes(path.read_bytes()[:-30])
