"""Waiting for what must come about, however busy the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_SECONDS = 600.0
"""After so long something hangs for ever. Nothing that is only slow may meet this."""


def wait_until(condition: Callable[[], object]) -> None:
    """Return as soon as `condition` is true."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)
