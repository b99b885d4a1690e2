"""Save a MindSpore checkpoint with its checksum, and change one byte of a parameter."""

import sys
from pathlib import Path

import mindspore as ms
import numpy as np

path = Path(sys.argv[1]) / "net.ckpt"

weight = {"name": "dense.weight", "data": ms.Tensor(np.ones((3, 3), np.float32))}
bias = {"name": "dense.bias", "data": ms.Tensor(np.zeros(3, np.float32))}
ms.save_checkpoint([weight, bias], str(path), crc_check=True)
path.chmod(0o600)
damaged = bytearray(path.read_bytes())
damaged[damaged.index(np.ones(9, np.float32).tobytes()) + 3] ^= 0x40
path.write_bytes(damaged)
