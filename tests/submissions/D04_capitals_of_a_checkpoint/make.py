"""Write the checkpoint."""

import sys
from pathlib import Path

import numpy as np

path = Path(sys.argv[1]) / "results/best.npz"
path.parent.mkdir(exist_ok=True)
np.savez(path, weight=np.ones(3))
