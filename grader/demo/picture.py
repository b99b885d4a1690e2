"""One image of the demo set, drawn from four numbers: seed, split, class and image number."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.random import Generator, SeedSequence
from numpy.typing import NDArray

from grader.demo import scene
from grader.demo.canvas import Canvas
from grader.demo.sketches import containers, dry, hazardous, recyclable, wet

DRAWING_VERSION: Final = 1
"""Raise it with every change that changes a pixel; a set drawn by another version is another set."""

USUAL: Final = (0.45, 1.0)
"""Smallest and largest scale of an object that is alone; 1 fills the image."""

SMALL: Final = (0.4, 0.65)
"""The same for each of two."""

SPLITS: Final = ("train", "val")

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
FOLDERS: Final = tuple(sorted(SKETCHES))
"""Folders of the 26 classes in class order, as in garbage26.toml."""


def draw(class_index_or_folder: int | str, split: str, k: int, seed: int = 0) -> NDArray[np.uint8]:
    """Draw one image.

    Args:
        class_index_or_folder: 0..25, or a folder such as "00_07".
        split: "train" or "val"; they have no image in common.
        k: number of the image, from 1; image 1 is saved as `00001.jpg`.
        seed: of the whole set, 0 or more.

    Returns:
        (224, 224, 3), blue-green-red. It depends on the four arguments and on nothing else.

    Raises:
        ValueError: if there is no such class, split, image number or seed.
    """
    index, folder = _class(class_index_or_folder)
    if split not in SPLITS:
        raise ValueError(f"there is no split '{split}'; choose one of {', '.join(SPLITS)}")
    if k < 1 or seed < 0:
        raise ValueError(f"image number {k} and seed {seed}: numbers count from 1, seeds from 0")
    rng = np.random.default_rng(SeedSequence(seed, spawn_key=(SPLITS.index(split), index, k)))
    return _picture(SKETCHES[folder], rng)


def _class(wanted: int | str) -> tuple[int, str]:
    """Index and folder of a class given by either."""
    if isinstance(wanted, str):
        if wanted not in SKETCHES:
            raise ValueError(
                f"there is no class folder '{wanted}'; they run from {FOLDERS[0]} to {FOLDERS[-1]}"
            )
        return FOLDERS.index(wanted), wanted
    if not 0 <= wanted < len(FOLDERS):
        raise ValueError(f"there is no class {wanted}; classes run from 0 to {len(FOLDERS) - 1}")
    return wanted, FOLDERS[wanted]


def _picture(sketch: Sketch, rng: Generator) -> NDArray[np.uint8]:
    """Draw background, scraps, the object (now and then two), perhaps something in front; photograph it."""
    image = scene.background(rng)
    if rng.random() < 0.5:
        image = scene.placed(image, scene.clutter(rng), rng)
    # What stands may also have fallen over.
    turn = 180.0 if rng.random() < 0.25 else sketch.turn
    reaches = [SMALL, SMALL] if rng.random() < 0.12 else [USUAL]
    for reach in reaches:
        sheet = Canvas()
        sketch.draw(sheet, rng)
        image = scene.placed(image, scene.posed(sheet, rng, turn, reach), rng)
    if rng.random() < 0.35:
        image = scene.placed(image, scene.obstacle(rng), rng)
    return scene.photographed(image, rng)
