"""Whether a program's environment lets the engine answer."""

from __future__ import annotations

import os

SWITCH = "SRC_MINDSPORE_ENGINE"
_OFF = frozenset({"off", "0", "false", "no"})


def is_switched_on() -> bool:
    """Whether the environment does not forbid it."""
    return os.environ.get(SWITCH, "").strip().lower() not in _OFF
