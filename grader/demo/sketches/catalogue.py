"""Which function draws which class."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from numpy.random import Generator

from grader.demo.canvas import Canvas
from grader.demo.sketches import containers, dry, hazardous, recyclable, wet

ANYHOW: Final = 180.0
"""The object lies on the ground: any turn is as likely."""
STANDING: Final = 22.0
"""The object stands, more or less."""


@dataclass(frozen=True)
class Sketch:
    """How to draw one class."""

    draw: Callable[[Canvas, Generator], None]
    """Draws one object, upright, in the middle of an empty canvas."""
    turn: float
    """Turned by up to this many degrees either way."""


SKETCHES: Final[Mapping[str, Sketch]] = MappingProxyType(
    {
        "00_00": Sketch(containers.plastic_bottle, STANDING),
        "00_01": Sketch(recyclable.hat, STANDING),
        "00_02": Sketch(recyclable.newspaper, STANDING),
        "00_03": Sketch(containers.can, STANDING),
        "00_04": Sketch(containers.glassware, STANDING),
        "00_05": Sketch(containers.glass_bottle, STANDING),
        "00_06": Sketch(containers.cardboard, STANDING),
        "00_07": Sketch(recyclable.basketball, ANYHOW),
        "00_08": Sketch(recyclable.paper, ANYHOW),
        "00_09": Sketch(recyclable.metalware, STANDING),
        "01_00": Sketch(dry.chopsticks, ANYHOW),
        "01_01": Sketch(dry.lighter, STANDING),
        "01_02": Sketch(dry.broom, STANDING),
        "01_03": Sketch(dry.old_mirror, STANDING),
        "01_04": Sketch(dry.toothbrush, ANYHOW),
        "01_05": Sketch(dry.dirty_clothes, STANDING),
        "01_06": Sketch(dry.seashell, ANYHOW),
        "01_07": Sketch(containers.ceramic_bowl, STANDING),
        "02_00": Sketch(hazardous.paint_bucket, STANDING),
        "02_01": Sketch(hazardous.battery, ANYHOW),
        "02_02": Sketch(hazardous.fluorescent_lamp, ANYHOW),
        "02_03": Sketch(hazardous.tablets, ANYHOW),
        "03_00": Sketch(wet.orange_peel, ANYHOW),
        "03_01": Sketch(wet.vegetable_leaf, ANYHOW),
        "03_02": Sketch(wet.eggshell, STANDING),
        "03_03": Sketch(wet.banana_peel, STANDING),
    }
)
"""By folder of the class."""
