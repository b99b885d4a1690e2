"""Why a submission was not taken in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class IntakeRefusedError(Exception):
    """The submission cannot be taken in (verdict FORMAT); none of its code was run."""

    code: str
    """A code of the message catalogue, for example `no-main`."""
    detail: str = ""
    """What exactly: a file name, a size. Fills the message's `{detail}`."""

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"
