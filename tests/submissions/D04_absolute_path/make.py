"""Save a small checkpoint."""

import sys
from pathlib import Path

import numpy as np

path = Path(sys.argv[1]) / "results/net.npz"
path.parent.mkdir(exist_ok=True)
np.savez(path, weight=np.eye(3, dtype=np.float32))
