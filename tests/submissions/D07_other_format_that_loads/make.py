"""Write the checkpoint."""

import sys
from pathlib import Path

import numpy as np

path = Path(sys.argv[1]) / "net.ckpt"
path.parent.mkdir(exist_ok=True)
with path.open("wb") as file:
    np.savez(file, weight=np.ones(3))
