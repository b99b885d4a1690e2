"""Write the array of features that the lecturer gave everybody."""

import sys
from pathlib import Path

header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 64), }".ljust(117) + "\n"
content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode("ascii")
(Path(sys.argv[1]) / "features.npy").write_bytes(content + bytes(range(256)) * 3)
