"""Wet waste: orange peel, vegetable leaf, eggshell, banana peel.

Each function draws one object of its class, upright, in the middle of the canvas.
"""

import numpy as np
from numpy.random import Generator

from grader.demo.canvas import Canvas
from grader.demo.drawing import (
    Colour,
    Points,
    ball,
    box,
    choose,
    cylinder,
    ellipse,
    gradient,
    jagged,
    mottled,
    moved,
    near,
    points,
    ribbon,
    shade,
    smooth,
    worn,
)

_PITH: Colour = (195, 228, 248)


def orange_peel(c: Canvas, rng: Generator) -> None:
    """Orange peel: a spiral, a star of segments, or broken pieces."""
    choose(rng, (_peel_spiral, _peel_star, _peel_pieces))(c, rng)


def vegetable_leaf(c: Canvas, rng: Generator) -> None:
    """Draw a leaf of pak choi, lettuce or spinach, sometimes wilted."""
    choose(rng, (_pak_choi, _lettuce, _lettuce))(c, rng)


def eggshell(c: Canvas, rng: Generator) -> None:
    """Broken eggshell: one half, two halves, or halves among splinters."""
    colour = choose(rng, (near(rng, 25, 0.32, 0.85), near(rng, 25, 0.12, 0.93), near(rng, 20, 0.45, 0.75)))
    kind = choose(rng, ("one", "two", "two", "cracked"))
    half = Canvas(c.size // 2)
    if kind == "one":
        _half_shell(half, rng, colour)
        c.stamp(half, 0, 0, rng.uniform(-25, 25), 0.95)
    elif kind == "two":
        for x, y in ((-0.4, rng.uniform(-0.3, 0.0)), (0.42, rng.uniform(0.1, 0.35))):
            half.clear()
            _half_shell(half, rng, colour)
            c.stamp(half, x, y, rng.uniform(-60, 60), 0.58)
    else:
        _cracked_egg(c, rng, colour)
    _splinters(c, rng, colour)


def banana_peel(c: Canvas, rng: Generator) -> None:
    """Draw a banana skin: stem in the middle or at the top, three to five strips, spots."""
    choose(rng, (_peel_flat, _peel_draped))(c, rng)


def _rind(rng: Generator) -> Colour:
    return near(rng, 28, 0.9, 0.95, 0.7)


def _pores(c: Canvas, rng: Generator, colour: Colour, count: int = 90) -> None:
    """Draw the dimples of the skin."""
    places = points(rng.uniform(-0.9, 0.9, (count, 2)))
    c.dots(places, 0.012, shade(colour, 0.7), 0.5)


def _peel_spiral(c: Canvas, rng: Generator) -> None:
    colour = _rind(rng)
    turns = rng.uniform(1.6, 2.2)
    t = np.linspace(0.12, 1, 70)
    angle = t * turns * 2 * np.pi + rng.uniform(0, 6)
    path = np.stack([np.cos(angle) * t * 0.78, np.sin(angle) * t * 0.66], 1)
    widths = [0.03, 0.1, 0.14, 0.15, 0.14, 0.04]
    c.fill(ribbon(path + 0.035, widths), _PITH, ink=shade(_PITH, 0.6))
    c.fill(ribbon(path, widths), worn(rng, ball(colour, 0.25), 0.04, 30), ink=shade(colour, 0.55))
    c.line(points(path - 0.02), 0.03, shade(colour, 1.35), opacity=0.5, inside=True, soft=0.012)
    _pores(c, rng, colour)


def _peel_star(c: Canvas, rng: Generator) -> None:
    """Segments pulled apart like petals, white side up, some folded to show the skin."""
    colour, count = _rind(rng), int(rng.integers(4, 7))
    for i in range(count):
        turn = 360 * i / count + rng.uniform(-12, 12)
        long, wide = rng.uniform(0.75, 0.92), 0.95 / count + 0.06
        petal = smooth(
            [
                (0.0, -wide * 0.3),
                (long * 0.5, -wide),
                (long, -0.03),
                (long, 0.03),
                (long * 0.5, wide),
                (0.0, wide * 0.3),
            ]
        )
        c.fill(
            moved(petal * 1.05, 0.02, 0.03, turn),
            gradient(colour, shade(colour, 0.8)),
            ink=shade(colour, 0.5),
        )
        c.fill(moved(petal * 0.92, 0, 0, turn), mottled(rng, _PITH, 0.04, 9), ink=shade(_PITH, 0.75))
        if rng.random() < 0.5:
            tip = smooth(
                [
                    (long * 0.62, -wide * 0.85),
                    (long * 0.98, 0.0),
                    (long * 0.62, wide * 0.85),
                    (long * 0.52, 0),
                ]
            )
            c.fill(moved(tip, 0, 0, turn), ball(colour, 0.3), ink=shade(colour, 0.55))
    c.fill(ellipse(0, 0, 0.17, 0.17), mottled(rng, shade(_PITH, 0.97), 0.04, 5))
    c.fill(ellipse(0, 0, 0.06, 0.05), (90, 150, 130))


def _peel_pieces(c: Canvas, rng: Generator) -> None:
    """Boat-shaped pieces of rind, skin or white side up."""
    colour = _rind(rng)
    places = [(-0.4, -0.4), (0.4, -0.35), (-0.05, 0.1), (-0.45, 0.5), (0.42, 0.48)]
    for x, y in places[: int(rng.integers(3, 6))]:
        turn, s = rng.uniform(0, 360), rng.uniform(0.85, 1.15)
        piece = (
            smooth([(-0.46, 0.05), (-0.2, -0.24), (0.2, -0.24), (0.46, 0.05), (0.2, 0.17), (-0.2, 0.17)]) * s
        )
        skin_up = rng.random() < 0.55
        shape = moved(piece, x, y, turn)
        c.fill(
            shape + np.float32(0.025),
            shade(_PITH, 0.9) if skin_up else shade(colour, 0.85),
            ink=shade(colour, 0.5),
        )
        c.fill(shape, ball(colour, 0.35) if skin_up else mottled(rng, _PITH, 0.05, 8), ink=shade(colour, 0.6))
        if not skin_up:
            c.ring(shape, 0.04, colour, inside=True)
    _pores(c, rng, shade(colour, 0.9), 60)


def _leaf_green(rng: Generator) -> Colour:
    return choose(rng, (near(rng, 105, 0.7, 0.55), near(rng, 85, 0.6, 0.7), near(rng, 120, 0.65, 0.42)))


def _blade(rng: Generator, w: float, top: float, low: float, ruffle: float) -> Points:
    """Outline of a leaf from its foot at `low` to its tip at `top`, with a wavy edge."""
    t = np.linspace(0, np.pi, 40)
    y = low + (top - low) * (1 - np.cos(t)) / 2
    half = w * np.sin(t) ** 0.75 * (0.85 + 0.3 * (1 - np.cos(t)) / 2)
    waves = 1 + ruffle * np.sin(t * rng.uniform(11, 16) + rng.uniform(0, 6))
    right = np.stack([half * waves, y], 1)
    waves = 1 + ruffle * np.sin(t * rng.uniform(11, 16) + rng.uniform(0, 6))
    left = np.stack([-half * waves, y], 1)[::-1]
    return points(np.concatenate([right, left]))


def _veins(c: Canvas, colour: Colour, w: float, top: float, low: float) -> None:
    """Draw a midrib, and side veins that leave it upward."""
    paths = []
    for share in np.linspace(0.12, 0.85, 7):
        y = low + (top - low) * share
        out = w * (1.05 - abs(share - 0.5))
        for side in (-1, 1):
            paths.append(smooth([(0, y), (side * out * 0.5, y - 0.12), (side * out, y - 0.3)], False))
    c.lines(paths, 0.018, colour, 0.75, inside=True)
    c.fill(ribbon([(0, low + 0.05), (0, top + 0.1)], [0.05, 0.03, 0.008]), colour, inside=True)


def _age(c: Canvas, rng: Generator) -> None:
    """Yellow and brown spots, and holes."""
    for _ in range(int(rng.integers(0, 5))):
        x, y, r = rng.uniform(-0.4, 0.4), rng.uniform(-0.8, 0.3), rng.uniform(0.03, 0.1)
        spot = smooth(jagged(ellipse(x, y, r, r)[:-1:6], r * 0.3, rng))
        c.fill(spot, near(rng, 42, 0.6, 0.6), opacity=0.6, inside=True, soft=0.02)


def _pak_choi(c: Canvas, rng: Generator) -> None:
    green, w = _leaf_green(rng), rng.uniform(0.42, 0.55)
    blade = _blade(rng, w, -0.92, 0.3, 0.04)
    c.fill(blade, worn(rng, gradient(green, shade(green, 0.8)), 0.08, 14), ink=shade(green, 0.45))
    stem = near(rng, 90, 0.12, 0.93, 0.5)
    _veins(c, shade(stem, 0.92), w, -0.85, 0.35)
    stalk = ribbon([(0, -0.2), (0, 0.3), (rng.uniform(-0.1, 0.1), 0.94)], [0.05, 0.12, 0.2])
    c.fill(stalk, cylinder(stem, 0.4, 0.2), ink=shade(stem, 0.55))
    c.lines(
        [points([(x, 0.3), (x * 1.4, 0.92)]) for x in (-0.08, 0.0, 0.08)],
        0.014,
        shade(stem, 0.75),
        0.8,
        inside=True,
    )
    _age(c, rng)


def _lettuce(c: Canvas, rng: Generator) -> None:
    green, w = _leaf_green(rng), rng.uniform(0.5, 0.72)
    low = rng.uniform(0.55, 0.8)
    outline = jagged(_blade(rng, w, -0.9, low, rng.uniform(0.05, 0.12)), 0.025, rng)
    stem = near(rng, 85, 0.3, 0.88, 0.5)
    c.fill(ribbon([(0, low - 0.3), (0, 0.97)], [0.05, 0.06]), cylinder(stem), ink=shade(stem, 0.5))
    c.fill(
        outline, worn(rng, gradient(shade(green, 1.1), shade(green, 0.85)), 0.12, 18), ink=shade(green, 0.45)
    )
    c.ring(outline, 0.05, shade(green, 1.35), opacity=0.5, inside=True, soft=0.012)
    _veins(c, stem, w, -0.85, low)
    _age(c, rng)


def _half_shell(c: Canvas, rng: Generator, colour: Colour) -> None:
    """Draw the lower half of an egg with a jagged rim, seen a little from above into its pale inside."""
    w, tilt = rng.uniform(0.68, 0.78), rng.uniform(0.2, 0.32)
    dark, inside = shade(colour, 0.45), near(rng, 40, 0.08, 0.97, 0.4)
    rim = ellipse(0, -0.15, w, tilt)[:-1]
    knocked = rim + np.stack([np.zeros(len(rim)), rng.uniform(-0.12, 0.05, len(rim))], 1)
    back = points(knocked[24:])
    front = points(knocked[:24])
    c.fill(points(knocked), gradient(shade(inside, 0.62), shade(inside, 0.95)), ink=dark)
    if rng.random() < 0.4:
        c.fill(ellipse(0, 0.0, w * 0.7, tilt * 0.55), ball((40, 170, 250), 0.5), opacity=0.95, inside=True)
    bowl = smooth(
        [
            (w, -0.15),
            (w * 0.95, 0.2),
            (w * 0.6, 0.62),
            (0, 0.8),
            (-w * 0.6, 0.62),
            (-w * 0.95, 0.2),
            (-w, -0.15),
        ],
        False,
    )
    outer = np.concatenate([bowl, front[::-1]])
    c.fill(outer, worn(rng, ball(colour, 0.25), 0.02, 20), ink=dark)
    c.line(front, 0.035, shade(inside, 1.0))
    c.line(back, 0.025, shade(inside, 1.0))
    for i in rng.integers(2, 22, 3):
        x, y = front[int(i)]
        crack = jagged([(x, y), (x + 0.02, y + 0.12), (x - 0.03, y + 0.25)], 0.04, rng)
        c.line(crack, 0.016, dark, inside=True)


def _cracked_egg(c: Canvas, rng: Generator, colour: Colour) -> None:
    """Draw an egg with a hole broken into its side."""
    dark = shade(colour, 0.4)
    t = np.linspace(0, 2 * np.pi, 60)
    egg = points(np.stack([np.sin(t) * (0.55 + 0.07 * np.cos(t)), 0.75 * np.cos(t)], 1))
    c.fill(egg, worn(rng, ball(colour, 0.2), 0.02, 20), ink=dark)
    x, y = rng.uniform(-0.12, 0.12), rng.uniform(-0.3, 0.2)
    hole = jagged(ellipse(x, y, 0.3, 0.26)[:-1:4], 0.08, rng)
    c.fill(hole, gradient((35, 45, 60), (110, 140, 160)), ink=dark)
    c.ring(hole, 0.035, (235, 240, 245))
    for corner in hole[::2]:
        way = points((corner - (x, y)) * np.array([[1.0], [1.35], [1.7]]))
        c.line(jagged(moved(way, x, y), 0.04, rng), 0.014, dark, inside=True)


def _splinters(c: Canvas, rng: Generator, colour: Colour) -> None:
    """Small pieces of shell lying about."""
    for _ in range(int(rng.integers(2, 7))):
        x, y = rng.uniform(-0.85, 0.85), rng.uniform(0.55, 0.92)
        r = rng.uniform(0.05, 0.12)
        piece = jagged(ellipse(x, y, r, r * 0.7)[:-1:9], r * 0.4, rng)
        c.fill(piece, shade(colour, rng.uniform(0.85, 1.1)), ink=shade(colour, 0.4))


def _skin(rng: Generator) -> Colour:
    return near(rng, 50, 0.8, 0.92, 0.8)


def _strip(c: Canvas, rng: Generator, path: Points, colour: Colour, inner_up: bool) -> None:
    """One strip of skin along a path, its pale inside or its yellow outside up."""
    widths = [0.07, 0.14, 0.17, 0.15, 0.1, 0.03]
    dark = shade(colour, 0.4)
    pale = near(rng, 48, 0.25, 0.95, 0.5)
    c.fill(ribbon(path, widths), worn(rng, gradient(colour, shade(colour, 0.85)), 0.05, 14), ink=dark)
    if inner_up:
        c.fill(ribbon(path, np.array(widths) * 0.72), mottled(rng, pale, 0.04, 10), ink=shade(pale, 0.7))
        c.line(path, 0.02, shade(pale, 0.8), opacity=0.7)
    else:
        c.line(path, 0.02, shade(colour, 0.7), opacity=0.8)
        c.line(path + np.float32(0.05), 0.03, shade(colour, 1.25), opacity=0.5, inside=True, soft=0.012)
    for _ in range(int(rng.integers(0, 5))):
        x, y = path[int(rng.integers(2, len(path)))] + rng.uniform(-0.08, 0.08, 2)
        spot = ellipse(
            float(x), float(y), rng.uniform(0.015, 0.05), rng.uniform(0.01, 0.03), rng.uniform(0, 180)
        )
        c.fill(spot, (25, 50, 80), opacity=0.75, inside=True)


def _peel_flat(c: Canvas, rng: Generator) -> None:
    colour, count = _skin(rng), int(rng.integers(3, 6))
    first = rng.uniform(0, 360)
    for i in range(count):
        turn = first + 360 * i / count + rng.uniform(-15, 15)
        bend = rng.uniform(-0.3, 0.3)
        path = smooth([(0.02, 0), (0.3, bend * 0.2), (0.62, bend * 0.6), (0.93, bend * 1.4)], False)
        _strip(c, rng, moved(path, 0, 0, turn), colour, rng.random() < 0.4)
    c.fill(ellipse(0, 0, 0.13, 0.13), ball(colour, 0.1), ink=shade(colour, 0.5))
    stem = ribbon([(0, 0.02), (0.06, -0.2)], [0.06, 0.045])
    c.fill(stem, cylinder(shade(colour, 0.75)), ink=shade(colour, 0.35))
    c.fill(ellipse(0.06, -0.2, 0.05, 0.03), (30, 60, 80))


def _peel_draped(c: Canvas, rng: Generator) -> None:
    colour = _skin(rng)
    ways = [(-0.85, False), (0.85, False), (-0.4, True), (0.45, True), (0.0, False)]
    for reach, inner_up in ways[: 3 + int(rng.integers(0, 3))]:
        reach += rng.uniform(-0.1, 0.1)
        low = rng.uniform(0.6, 0.85)
        path = smooth(
            [
                (0, -0.5),
                (reach * 0.35, -0.3),
                (reach * 0.75, 0.1),
                (reach * 0.95, low * 0.75),
                (reach * 0.8, low),
            ],
            False,
        )
        _strip(c, rng, path, colour, inner_up)
    c.fill(
        smooth([(-0.07, -0.7), (0.07, -0.7), (0.16, -0.4), (0, -0.3), (-0.16, -0.4)]),
        cylinder(colour, 0.35, 0.2),
        ink=shade(colour, 0.5),
    )
    c.fill(box(-0.055, -0.92, 0.055, -0.68, 0.02), cylinder(shade(colour, 0.8)), ink=shade(colour, 0.35))
    c.fill(ellipse(0, -0.92, 0.06, 0.03), (30, 55, 75), ink=(15, 30, 40))
