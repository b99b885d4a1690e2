"""Save a checkpoint of nothing but NaN."""

import sys
from pathlib import Path

import numpy as np

np.savez(Path(sys.argv[1]) / "net.npz", weight=np.full((3, 3), np.nan))
