"""How far a submission was kept apart from this machine, as reports name it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Isolation:
    """The isolation level that a grading ran on."""

    rung: Literal["bubblewrap", "process"]
    is_grouped: bool = False
    """Whether a control group binds it, too."""

    @property
    def is_top(self) -> bool:
        """Whether official grading accepts it."""
        return self.rung == "bubblewrap"
