"""Save a checkpoint and change one byte of a parameter."""

import sys
from pathlib import Path

import numpy as np

path = Path(sys.argv[1]) / "results" / "net.npz"
path.parent.mkdir()
np.savez(path, weight=np.random.default_rng(0).normal(size=(30, 30)))
damaged = bytearray(path.read_bytes())
damaged[1000] ^= 0x40
path.write_bytes(damaged)
