"""One image of the demo set, drawn from four numbers: seed, split, class and image number.

An object is drawn on a sheet, and becomes a photo of it: background, pose, shadow, clutter, light, lens and
sensor. All images are square, blue-green-red, float32, 0..255, until the very end.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator, SeedSequence
from numpy.typing import NDArray

from grader.demo.canvas import SIZE, Canvas
from grader.demo.drawing import (
    Colour,
    box,
    choose,
    ellipse,
    hsv,
    jagged,
    moved,
    near,
    points,
    ribbon,
    shade,
    vivid,
)
from grader.demo.sketches import containers, dry, hazardous, recyclable, wet

SIDE = 224
"""Side of a finished image, pixels."""
Image = NDArray[np.float32]
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
    image = _background(rng)
    if rng.random() < 0.5:
        image = _placed(image, _clutter(rng), rng)
    # What stands may also have fallen over.
    turn = 180.0 if rng.random() < 0.25 else sketch.turn
    reaches = [SMALL, SMALL] if rng.random() < 0.12 else [USUAL]
    for reach in reaches:
        sheet = Canvas()
        sketch.draw(sheet, rng)
        image = _placed(image, _posed(sheet, rng, turn, reach), rng)
    if rng.random() < 0.35:
        image = _placed(image, _obstacle(rng), rng)
    return _photographed(image, rng)


def _background(rng: Generator) -> Image:
    """Something to lie on or stand before: plain, shaded, wood, tiles, concrete, cloth, or table and wall."""
    options: tuple[Callable[[Generator], Image], ...] = (
        _plain, _shaded, _wood, _tiles, _concrete, _cloth, _table_and_wall,
    )  # fmt: skip
    return choose(rng, options)(rng)


def _posed(sheet: Canvas, rng: Generator, turn: float, reach: tuple[float, float]) -> Image:
    """See the sheet from somewhere: turned by up to `turn` degrees, scaled, shifted, tilted.

    Args:
        sheet: what is drawn.
        rng: decides everything.
        turn: at most, in degrees, either way.
        reach: smallest and largest scale; 1 fills the image.

    Returns:
        (SIDE, SIDE, 4), premultiplied as the sheet is.
    """
    angle = np.radians(rng.uniform(-turn, turn))
    zoom = rng.uniform(*reach)
    shift = rng.uniform(-0.28, 0.28, 2) * (1.15 - 0.6 * zoom)
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (1 + rng.uniform(-0.14, 0.14, (4, 2)))
    c, s = np.cos(angle) * zoom, np.sin(angle) * zoom
    corners = corners @ np.array([[c, s], [-s, c]]) + shift
    edge = SIZE - 1
    source = np.array([(0, 0), (edge, 0), (edge, edge), (0, edge)], np.float32)
    matrix = cv2.getPerspectiveTransform(source, ((corners + 1) / 2 * edge).astype(np.float32))
    seen = cv2.warpPerspective(sheet.bytes, matrix, (SIZE, SIZE), flags=cv2.INTER_LINEAR)
    small = cv2.resize(seen, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    small[..., 3] /= 255
    return np.asarray(small, np.float32)


def _placed(scene: Image, layer: Image, rng: Generator) -> Image:
    """Put the layer on the scene, with its shadow."""
    reach = rng.uniform(2, 12)
    way = rng.uniform(0, 2 * np.pi)
    shift = np.array([[1, 0, reach * np.cos(way)], [0, 1, abs(reach * np.sin(way))]], np.float32)
    cast = cv2.warpAffine(np.ascontiguousarray(layer[..., 3]), shift, (SIDE, SIDE))
    cast = cv2.GaussianBlur(cast, (0, 0), rng.uniform(2, 7)) * rng.uniform(0.2, 0.6)
    left = (1 - cast) * (1 - layer[..., 3])
    return np.asarray(scene * cv2.merge([left, left, left]) + layer[..., :3], np.float32)


def _clutter(rng: Generator) -> Image:
    """Scraps that lie about: paper, sticks, pebbles, bits of foil. (SIDE, SIDE, 4)."""
    sheet = Canvas(SIDE)
    for _ in range(int(rng.integers(2, 8))):
        _scrap(sheet, rng, rng.uniform(-1, 1), rng.uniform(-1, 1), rng.uniform(0.06, 0.28))
    return sheet.bgra


def _obstacle(rng: Generator) -> Image:
    """One thing in front that comes in from an edge: a strip, a card, a finger. (SIDE, SIDE, 4)."""
    sheet = Canvas(SIDE)
    turn = rng.uniform(0, 360)
    kind = choose(rng, ("strip", "card", "finger"))
    aside = rng.uniform(-0.7, 0.7)
    if kind == "strip":
        path = moved(points([(-1.6, 0), (1.6, rng.uniform(-0.3, 0.3))]), 0, 0, turn)
        away = moved(points([(0, choose(rng, (-1, 1)) * rng.uniform(0.3, 0.7))]), 0, 0, turn)
        sheet.fill(ribbon(path + away, [rng.uniform(0.03, 0.1)]), vivid(rng), ink=(40, 40, 40))
    elif kind == "card":
        depth = rng.uniform(0.5, 0.75)
        card = moved(box(depth, aside - 0.5, 1.6, aside + 0.5), 0, 0, turn)
        sheet.fill(card, choose(rng, (vivid(rng), (235, 235, 235))), ink=(60, 60, 60))
    else:
        skin = near(rng, 20, 0.4, rng.uniform(0.4, 0.9))
        path = moved(points([(1.6, aside), (rng.uniform(0.35, 0.6), aside * 0.6)]), 0, 0, turn)
        sheet.fill(ribbon(path, [0.14, 0.12]), skin, ink=shade(skin, 0.6))
        tip = path[-1]
        sheet.fill(ellipse(float(tip[0]), float(tip[1]), 0.12, 0.12), skin)
    return sheet.bgra


def _photographed(scene: Image, rng: Generator) -> NDArray[np.uint8]:
    """Uneven light, colour cast, blur, sensor noise, and eight bits."""
    scene = scene * _light(rng)
    if rng.random() < 0.15:
        scene = _faded(scene, rng.uniform(0.3, 1.0))
    if rng.random() < 0.4:
        scene = cv2.GaussianBlur(scene, (0, 0), rng.uniform(0.4, 2.0))
    elif rng.random() < 0.15:
        scene = _shaken(scene, rng)
    grain = rng.uniform(1, 16)
    noise = rng.standard_normal((SIDE, SIDE, 3), np.float32) * np.float32(grain)
    return np.asarray(np.clip(scene + noise, 0, 255).astype(np.uint8))


def _light(rng: Generator) -> Image:
    """Gain at each pixel: exposure, a colour cast, brighter towards one side, darker corners."""
    across = np.linspace(-1, 1, SIDE, dtype=np.float32)
    x, y = across[None, :], across[:, None]
    way = rng.uniform(0, 2 * np.pi)
    slope = rng.uniform(0, 0.3) * (np.cos(way) * x + np.sin(way) * y)
    corners = 1 - rng.uniform(0, 0.18) * (x * x + y * y)
    cast = 1 + rng.uniform(-0.09, 0.09) * np.array([1, 0, -1], np.float32) + rng.uniform(-0.03, 0.03)
    gain = rng.uniform(0.55, 1.25) * (1 + slope) * corners
    return np.asarray(cv2.merge([(gain * float(channel)).astype(np.float32) for channel in cast]), np.float32)


def _faded(scene: Image, share: float) -> Image:
    """Mix in the grey image: 0 leaves the colours, 1 takes them."""
    grey = cv2.cvtColor(scene.astype(np.float32), cv2.COLOR_BGR2GRAY)[..., None]
    return np.asarray(scene + (grey - scene) * np.float32(share), np.float32)


def _shaken(scene: Image, rng: Generator) -> Image:
    """Blur along a line, as from a hand that moved."""
    length = int(rng.integers(3, 8))
    kernel = np.zeros((9, 9), np.float32)
    angle = rng.uniform(0, np.pi)
    dx, dy = np.cos(angle) * length / 2, np.sin(angle) * length / 2
    cv2.line(kernel, (round(4 - dx), round(4 - dy)), (round(4 + dx), round(4 + dy)), 1.0, 1)
    return np.asarray(cv2.filter2D(scene, -1, kernel / kernel.sum()), np.float32)


def _scrap(sheet: Canvas, rng: Generator, x: float, y: float, r: float) -> None:
    """One small thing of no class."""
    colour = choose(rng, (vivid(rng), near(rng, 35, 0.4, 0.6), hsv(0, 0, rng.uniform(0.2, 0.95))))
    dark, turn = shade(colour, 0.5), rng.uniform(0, 360)
    kind = choose(rng, ("paper", "stick", "pebble", "ring"))
    if kind == "paper":
        sheet.fill(moved(jagged(box(-r, -r * 0.6, r, r * 0.6), r * 0.4, rng), x, y, turn), colour, ink=dark)
    elif kind == "stick":
        path = moved(points([(-2 * r, 0), (2 * r, rng.uniform(-r, r) * 0.3)]), x, y, turn)
        sheet.fill(ribbon(path, [r * 0.12]), colour, ink=dark)
    elif kind == "pebble":
        sheet.fill(jagged(ellipse(x, y, r * 0.6, r * 0.45)[:-1:5], r * 0.1, rng), colour, ink=dark)
    else:
        sheet.ring(ellipse(x, y, r * 0.6, r * 0.5), r * 0.2, colour)


def _surface(rng: Generator) -> Colour:
    """Make a colour that walls, floors and tables have."""
    return hsv(rng.uniform(0, 360), rng.uniform(0, 0.45), rng.uniform(0.3, 0.97))


def _patches(rng: Generator, cells: int, amount: float, height: int = SIDE) -> Image:
    """Smooth random brightness about 1, (height, SIDE, 1)."""
    grid = rng.normal(1, amount, (cells, cells)).astype(np.float32)
    return np.asarray(cv2.resize(grid, (SIDE, height), interpolation=cv2.INTER_CUBIC)[..., None], np.float32)


def _plain(rng: Generator) -> Image:
    colour = choose(rng, (_surface(rng), _surface(rng), hsv(0, 0, rng.uniform(0.85, 1))))
    return np.full((SIDE, SIDE, 3), colour, np.float32)


def _shaded(rng: Generator) -> Image:
    first, last = np.array(_surface(rng), np.float32), np.array(_surface(rng), np.float32)
    across = np.linspace(0, 1, SIDE, dtype=np.float32)
    angle = rng.uniform(0, np.pi / 2)
    share = (np.cos(angle) * across[None, :] + np.sin(angle) * across[:, None]) / (
        np.cos(angle) + np.sin(angle)
    )
    return np.asarray(first + (last - first) * share[..., None], np.float32)


def _wood(rng: Generator, height: int = SIDE) -> Image:
    """Boards with grain along them."""
    colour = near(rng, 28, 0.5, rng.uniform(0.4, 0.8))
    fine = rng.normal(1, 0.07, (height, 6)).astype(np.float32)
    grain = cv2.GaussianBlur(cv2.resize(fine, (SIDE, height), interpolation=cv2.INTER_LINEAR), (0, 0), 1.0)
    wave = 0.05 * np.sin(_patches(rng, 5, 0.5, height)[..., 0] * rng.uniform(20, 40))
    image = np.array(colour, np.float32) * (grain + wave)[..., None]
    board = int(rng.integers(36, 90))
    for y in range(int(rng.integers(0, board)), height, board):
        image[y : y + board] *= rng.uniform(0.85, 1.12)
        image[y : y + 2] *= 0.55
    return np.asarray(
        image.transpose(1, 0, 2) if height == SIDE and rng.random() < 0.4 else image, np.float32
    )


def _tiles(rng: Generator) -> Image:
    """Make a tiled floor or wall."""
    colour = np.array(_surface(rng), np.float32)
    size, gap = int(rng.integers(34, 80)), int(rng.integers(2, 5))
    count = SIDE // size + 2
    lightness = rng.normal(1, 0.05, (count, count)).astype(np.float32)
    at = np.arange(SIDE) + int(rng.integers(0, size))
    image = colour * lightness[np.ix_(at // size, at // size)][..., None]
    joint = (at % size) < gap
    image[joint] = image[:, joint] = colour * (0.6 if rng.random() < 0.6 else 1.25)
    return np.asarray(image * _patches(rng, 8, 0.03), np.float32)


def _concrete(rng: Generator) -> Image:
    """Rough ground: patches and specks."""
    colour = np.array(hsv(rng.uniform(20, 60), rng.uniform(0, 0.3), rng.uniform(0.35, 0.8)), np.float32)
    rough = 1 + rng.normal(0, rng.uniform(0.03, 0.12), (SIDE, SIDE, 1)).astype(np.float32)
    return np.asarray(colour * _patches(rng, 9, 0.06) * _patches(rng, 40, 0.04) * rough, np.float32)


def _cloth(rng: Generator) -> Image:
    """Make a striped or chequered cloth."""
    first, last = np.array(_surface(rng), np.float32), np.array(_surface(rng), np.float32)
    at = np.arange(SIDE)
    period = int(rng.integers(14, 50))
    stripe = ((at % period) < period * rng.uniform(0.2, 0.6)).astype(np.float32)
    share = stripe[None, :] * np.ones((SIDE, 1), np.float32)
    if rng.random() < 0.5:
        share = (share + stripe[:, None]) / 2
    weave = 1 + 0.04 * ((at[None, :] + at[:, None]) % 2)
    return np.asarray((first + (last - first) * share[..., None]) * weave[..., None], np.float32)


def _table_and_wall(rng: Generator) -> Image:
    """Make a table top of wood or one colour before a wall."""
    image = _shaded(rng)
    horizon = int(rng.uniform(0.45, 0.75) * SIDE)
    low = SIDE - horizon
    if rng.random() < 0.5:
        image[horizon:] = _wood(rng, low)
    else:
        image[horizon:] = np.array(_surface(rng), np.float32) * _patches(rng, 6, 0.04, low)
    image[horizon : horizon + 2] *= 0.7
    return image
