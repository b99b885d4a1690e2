"""Save a checkpoint of many bytes, and put a byte 13 before every byte 10."""

import sys
from pathlib import Path

import mindspore as ms
import numpy as np

path = Path(sys.argv[1]) / "net.ckpt"
noise = np.random.default_rng(1).standard_normal((100, 100)).astype(np.float32)
ms.save_checkpoint([{"name": "weight", "data": ms.Tensor(noise)}], str(path))
path.chmod(0o600)
path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
