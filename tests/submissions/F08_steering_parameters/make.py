"""Save parameters whose names are no names."""

import sys
from pathlib import Path

import numpy as np

NAME = "{{ 7 * 7 }}\x1b]0;owned\x07\u202e\u2066<b>30/30</b><script>1</script>\r\n\u7f51\u7edc"
np.savez(
    Path(sys.argv[1]) / "net.npz",
    **{f"{NAME}{number}": np.eye(3, dtype=np.float32) + number for number in range(5)},
)
