"""The ways in which a picture can reach the network: the space that a checkpoint is tried under.

A view is one point of that space. `views.toml` defines its coordinates: what the values are called, in words
too, and which steps of the program inside the sandbox each of them is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from itertools import product
from pathlib import Path
from typing import Any

from grader.errors import Language

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_SPACE: dict[str, Any] = tomllib.loads(Path(__file__).with_name("views.toml").read_text(encoding="utf-8"))

Step = list[Any]
"""A step's name, and what it is given."""
READOUTS: tuple[str, ...] = tuple(_SPACE["readout"])
_LABS = {name: next(iter(values)) for name, values in _SPACE.items() if name != "tried"}
"""The lab's own way, by coordinate."""


@dataclass(frozen=True)
class View:
    """How the picture reaches the network, and how its answer is read; by default the lab's own way."""

    colour: str = _LABS["colour"]
    scale: str = _LABS["scale"]
    geometry: str = _LABS["geometry"]
    layout: str = _LABS["layout"]
    weights: str = _LABS["weights"]
    readout: str = _LABS["readout"]
    network: int = 0
    """Which of the checkpoints that were handed in."""

    def settings(self) -> dict[str, object]:
        """Return what the program inside needs to know; every readout is given by it at once."""
        before, after = self._steps("colour", "geometry"), self._steps("scale", "layout")
        return {
            "network": self.network,
            "weights": self._steps("weights"),
            "picture": [*before, ["float32"], *after],
        }

    def differs_in(self, other: View) -> frozenset[str]:
        """Return the names of the coordinates in which two views differ."""
        return frozenset(
            field.name for field in fields(self) if getattr(self, field.name) != getattr(other, field.name)
        )

    def words(self, language: Language) -> str:
        """Describe the view: its colours, and all in which it is not the lab's own."""
        changed = self.differs_in(STANDARD) - {"network"}
        told = ["colour", *(name for name in _ORDER_OF_WORDS if name in changed)]
        if changed <= {"colour"}:
            told.append("scale")
        said = [_SPACE[name][getattr(self, name)][language] for name in told]
        return (", " if language == "en" else "、").join(said)

    def _steps(self, *coordinates: str) -> list[Step]:
        return [step for name in coordinates for step in _SPACE[name][getattr(self, name)]["steps"]]


STANDARD = View()
_ORDER_OF_WORDS = ("scale", "geometry", "layout", "weights", "readout")
"""In this order, where a view is not the lab's own."""


def all_views() -> Iterator[View]:
    """Yield the views that are tried, the likeliest first."""
    for row in _SPACE["tried"]:
        for values in product(*row.values()):
            yield replace(STANDARD, **dict(zip(row, values, strict=True)))


def readout_settings() -> list[list[Step]]:
    """Return what the program inside needs to know of the readouts, in the order of READOUTS."""
    return [_SPACE["readout"][name]["steps"] for name in READOUTS]
