"""Save a MindSpore checkpoint and cut it off."""

import sys
from pathlib import Path

import mindspore as ms
import numpy as np

path = Path(sys.argv[1]) / "net.ckpt"

weight = {"name": "dense.weight", "data": ms.Tensor(np.ones((3, 3), np.float32))}
bias = {"name": "dense.bias", "data": ms.Tensor(np.zeros(3, np.float32))}
ms.save_checkpoint([weight, bias], str(path))
path.chmod(0o600)
path.write_bytes(path.read_bytes()[:-9])
