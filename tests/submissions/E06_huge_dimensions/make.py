"""Write a parameter of four bytes whose eight dimensions are each 2**63 - 1."""

import sys
from pathlib import Path

tensor = (b"\x08" + b"\xff" * 8 + b"\x7f") * 8 + b"\x12\x07Float32" + b"\x1a\x04\x00\x00\x80\x3f"
parameter = b"\x0a\x01w\x12" + bytes([len(tensor)]) + tensor
(Path(sys.argv[1]) / "net.ckpt").write_bytes(b"\x0a" + bytes([len(parameter)]) + parameter)
