"""Write the directory by hand: one entry, a million times."""

import struct
import sys
from pathlib import Path

COUNT, NAME = 10**6, b"main.py"
entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, len(NAME), 0, 0, 0, 0, 0, 0) + NAME
end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, len(entry) * COUNT, 0, 0)
folder = Path(sys.argv[1])
folder.with_name(f"{folder.name}.zip").write_bytes(entry * COUNT + end)
