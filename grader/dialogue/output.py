"""What a submission prints: the head and the tail are kept, everything is counted."""

from __future__ import annotations

from collections import deque

_KEPT = 16 * 1024


class CapturedOutput:
    """Keeps the first and last 16 KiB of a stream, however much goes through."""

    def __init__(self) -> None:
        self.size = 0
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0

    def feed(self, data: bytes) -> None:
        """Add bytes as they arrive."""
        self.size += len(data)
        room = _KEPT - len(self._head)
        self._head += data[:room]
        if rest := data[room:] if room > 0 else data:
            self._tail.append(rest)
            self._tail_size += len(rest)
            while self._tail and self._tail_size - len(self._tail[0]) >= _KEPT:
                self._tail_size -= len(self._tail.popleft())

    def text(self) -> str:
        """Return what was kept, with a line that says how much was left out."""
        tail = b"".join(self._tail)[-_KEPT:]
        left_out = self.size - len(self._head) - len(tail)
        gap = f"\n[... {left_out} bytes left out ...]\n".encode() if left_out else b""
        return (bytes(self._head) + gap + tail).decode("utf-8", "replace")
