"""Save an encrypted checkpoint."""

import sys
from pathlib import Path

import mindspore as ms
from mindspore import nn

path = Path(sys.argv[1]) / "net.ckpt"
ms.save_checkpoint(nn.Dense(3, 3), str(path), enc_key=b"0123456789abcdef", enc_mode="AES-GCM")
path.chmod(0o600)
