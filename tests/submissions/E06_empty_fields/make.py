"""Write a checkpoint whose one parameter is a million empty names, and whose other has a million contents."""

import sys
from pathlib import Path


def field(tag, content):
    length, encoded = len(content), bytearray()
    while length >= 0x80:
        encoded.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([tag, *encoded, length]) + content


names = field(0x0A, b"\x0a\x00" * 3_000_000)
contents = field(0x0A, field(0x0A, b"w") + field(0x12, b"\x1a\x00" * 1_000_000))
(Path(sys.argv[1]) / "net.ckpt").write_bytes(names)
(Path(sys.argv[1]) / "other.ckpt").write_bytes(contents)
