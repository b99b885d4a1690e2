"""Hazardous waste: paint bucket, battery, fluorescent lamp, tablets and capsules.

Each function draws one object of its class, upright, in the middle of the canvas.
"""

import numpy as np
from numpy.random import Generator

from grader.demo.canvas import Canvas
from grader.demo.drawing import (
    BLACK,
    WHITE,
    Colour,
    Points,
    Slanted,
    ball,
    band,
    box,
    choose,
    cylinder,
    ellipse,
    flat,
    gradient,
    hsv,
    metal,
    moved,
    near,
    points,
    ribbon,
    shade,
    smooth,
    turned,
    vivid,
    worn,
)

_STEEL: Colour = (200, 198, 195)


def paint_bucket(c: Canvas, rng: Generator) -> None:
    """Draw an open tin of paint: wire handle, paint in the mouth and drips down the side."""
    w, foot, h = rng.uniform(0.52, 0.6), rng.uniform(0.44, 0.56), rng.uniform(0.42, 0.55)
    top, paint = -h + 0.1, vivid(rng)
    tin = choose(rng, (_STEEL, _STEEL, WHITE, vivid(rng)))
    lift = rng.uniform(0.35, 0.62)
    c.line(ellipse(0, top + 0.1, w + 0.03, lift, arc=(180, 360)), 0.028, (90, 90, 90))
    body = np.concatenate(
        [ellipse(0, top, w, 0.16, arc=(180, 360)), ellipse(0, h + 0.15, foot, 0.15, arc=(0, 180))]
    )
    c.fill(body, metal(tin, 1.0) if tin == _STEEL else cylinder(tin), ink=shade(tin, 0.35))
    _tin_label(c, rng, (top, h), (w, foot), paint)
    c.line(ellipse(0, h + 0.1, foot, 0.15, arc=(0, 180)), 0.025, shade(tin, 0.5), opacity=0.7, inside=True)
    c.fill(ellipse(0, top, w, 0.16), shade(tin, 0.8), ink=(60, 60, 60))
    c.fill(ellipse(0, top + 0.01, w * 0.88, 0.13), gradient(shade(paint, 0.75), shade(paint, 1.15)))
    c.ring(ellipse(0, top, w * 0.96, 0.145), 0.03, shade(tin, 1.1))
    for x in rng.uniform(-0.8, 0.8, int(rng.integers(1, 4))):
        start = top + 0.16 * float(np.sqrt(1 - x * x)) - 0.02
        drip = ribbon(
            [(x * w, start - 0.03), (x * w, start + rng.uniform(0.15, 0.5))], [0.06, 0.04, 0.03, 0.045]
        )
        c.fill(drip, cylinder(paint, 0.35, 0.6), ink=shade(paint, 0.55))
    for side in (-1, 1):
        c.fill(ellipse(side * w * 0.99, top + 0.12, 0.045, 0.05), (120, 120, 120), ink=(50, 50, 50))


def battery(c: Canvas, rng: Generator) -> None:
    """One or several round cells, or a 9 volt block."""
    if rng.random() < 0.25:
        _block(c, rng)
        return
    count = choose(rng, (1, 1, 2, 3))
    if count == 1:
        _cell(c, rng, _cell_colours(rng))
        return
    cell = Canvas(c.size // 2)
    colours = _cell_colours(rng)
    for i in range(count):
        cell.clear()
        _cell(cell, rng, colours)
        flipped = 180.0 * float(rng.random() < 0.25)
        x = (i - (count - 1) / 2) * 0.5
        c.stamp(cell, x, rng.uniform(-0.08, 0.08), flipped + rng.uniform(-6, 6), 0.85)


def fluorescent_lamp(c: Canvas, rng: Generator) -> None:
    """Draw a long tube, two of them, or an energy-saving lamp with a screw base."""
    choose(rng, (_tubes, _tubes, _spiral_lamp, _u_lamp))(c, rng)


def tablets(c: Canvas, rng: Generator) -> None:
    """Two-coloured capsules and round tablets lying about, or in a blister pack."""
    choose(rng, (_loose_pills, _loose_pills, _blister))(c, rng)


def _tin_label(
    c: Canvas, rng: Generator, span: tuple[float, float], half: tuple[float, float], paint: Colour
) -> None:
    """Draw a band in the colour of the paint with the word on it."""
    (top, low), (w, foot) = span, half
    paper = choose(rng, (WHITE, shade(paint, 0.8), BLACK))
    c.fill(band(top + 0.22, low + 0.02, w * 0.98, foot, 0.15), cylinder(paper, 0.35, 0.1), inside=True)
    ink = WHITE if sum(paper) < 380 else paint
    c.text(choose(rng, ("PAINT", "PAINT", "COLOR", "LACK")), (0, (top + low) / 2 + 0.22), 0.17, ink, bold=4)


def _cell_colours(rng: Generator) -> tuple[Colour, Colour]:
    return choose(
        rng, ((BLACK, hsv(28, 0.75, 0.8)), (vivid(rng), _STEEL), (vivid(rng), BLACK), (BLACK, vivid(rng)))
    )


def _cell(c: Canvas, rng: Generator, colours: tuple[Colour, Colour]) -> None:
    """Draw an upright round cell, its plus pole at the top."""
    body, top = colours
    w, h = 0.27, 0.78
    c.fill(box(-0.09, -h - 0.14, 0.09, -h + 0.05, 0.03), metal(_STEEL, 1.0), ink=(70, 70, 70))
    c.fill(box(-w, -h, w, h, 0.05), cylinder(body, 0.3, 0.7), ink=shade(body, 0.3))
    c.fill(band(-h, -h + 0.42, w, w, 0.04), cylinder(top, 0.3, 0.7), inside=True)
    c.fill(band(-h - 0.05, -h + 0.03, w, w, 0.03), metal(_STEEL, 0.5), inside=True)
    c.fill(band(h - 0.06, h + 0.1, w, w, 0.03), metal(_STEEL, 0.5), inside=True)
    ink = WHITE if sum(top) < 420 else BLACK
    cross = [points([(-0.08, -h + 0.25), (0.08, -h + 0.25)]), points([(0, -h + 0.17), (0, -h + 0.33)])]
    c.lines(cross, 0.045, ink)
    label = Canvas(c.size // 2)
    word = WHITE if sum(body) < 420 else BLACK
    label.text(choose(rng, ("AA 1.5V", "POWER", "ALKALINE", "MAX")), (0, 0), 0.2, word, inside=False, bold=2)
    c.stamp(label, 0.02, 0.12, -90, 0.62)
    c.lines([points([(-0.08, h - 0.18), (0.08, h - 0.18)])], 0.04, word)


def _block(c: Canvas, rng: Generator) -> None:
    """Draw a 9 volt block with its two snaps."""
    body, top = _cell_colours(rng)
    w, h = 0.42, 0.62
    for x in (-0.2, 0.2):
        c.fill(box(x - 0.1, -h - 0.2, x + 0.1, -h + 0.02, 0.03), metal(_STEEL, x * 9), ink=(70, 70, 70))
        c.fill(ellipse(x, -h - 0.19, 0.1, 0.035), shade(_STEEL, 0.7), ink=(60, 60, 60))
    c.fill(box(-w, -h, w, h + 0.1, 0.04), cylinder(body, 0.25, 0.4), ink=shade(body, 0.3))
    c.fill(box(-w, -h, w, -h + 0.38), cylinder(top, 0.25, 0.4), inside=True)
    c.fill(box(-w, -h - 0.02, w, -h + 0.06), metal(_STEEL), inside=True)
    c.text("9V", (0, 0.15), 0.34, WHITE if sum(body) < 420 else BLACK, bold=6)
    ink = WHITE if sum(top) < 420 else BLACK
    c.text("+", (-0.2, -h + 0.22), 0.16, ink, bold=4)
    c.text("-", (0.2, -h + 0.22), 0.16, ink, bold=4)


def _tubes(c: Canvas, rng: Generator) -> None:
    w = rng.uniform(0.055, 0.085)
    count = choose(rng, (1, 2))
    for i in range(count):
        x = (i - (count - 1) / 2) * rng.uniform(0.28, 0.4)
        _tube(c, rng, x, w)


def _tube(c: Canvas, rng: Generator, x: float, w: float) -> None:
    """Draw a straight upright tube with a metal cap and two pins at each end."""
    glow = near(rng, 60, 0.03, 0.97, 0.3)
    c.line(points([(x, -0.8), (x, 0.8)]), 3.2 * w, (255, 255, 255), opacity=0.35, soft=0.04)
    c.fill(box(x - w, -0.85, x + w, 0.85), cylinder(shade(glow, 0.85), 0.4, 0.4), ink=(150, 150, 150))
    for side in (-1, 1):
        c.lines(
            [points([(x + d, side * 0.88), (x + d, side * 1.0)]) for d in (-0.03, 0.03)],
            0.022,
            (90, 130, 150),
        )
        low, high = sorted((side * 0.78, side * 0.93))
        c.fill(box(x - w * 1.1, low, x + w * 1.1, high, 0.02), metal(_STEEL, 1.0), ink=(60, 60, 60))
        dim = points([(x, side * 0.76), (x, side * 0.66)])
        c.line(dim, 1.8 * w, (90, 90, 90), opacity=0.45, soft=0.03, inside=True)


def _lamp_base(c: Canvas, rng: Generator, y: float) -> None:
    """White ballast and screw thread, from `y` down."""
    case = near(rng, 45, 0.05, 0.92, 0.5)
    c.fill(
        turned([(y, 0.24), (y + 0.08, 0.3), (y + 0.22, 0.28), (y + 0.32, 0.17)]),
        cylinder(case),
        ink=(110, 110, 110),
    )
    c.fill(box(-0.15, y + 0.3, 0.15, y + 0.56, 0.03), metal(_STEEL, 2.0), ink=(70, 70, 70))
    for k in range(4):
        at = y + 0.35 + 0.06 * k
        c.line(points([(-0.16, at + 0.015), (0.16, at - 0.015)]), 0.022, (80, 85, 90))
    c.fill(ellipse(0, y + 0.59, 0.08, 0.04), (50, 50, 50))


def _glow_line(c: Canvas, path: Points, width: float) -> None:
    """One bend of a bright tube: grey rim, white body, brightest in the middle."""
    c.line(path, width, (165, 165, 160))
    c.line(path, width * 0.8, (225, 235, 235))
    c.line(path, width * 0.4, (255, 255, 255))


def _spiral_lamp(c: Canvas, rng: Generator) -> None:
    turns = int(rng.integers(4, 6))
    ys = np.linspace(-0.72, 0.16, turns)
    for y in ys[::-1]:
        w = rng.uniform(0.34, 0.36)
        _glow_line(c, ellipse(0, y - 0.06, w, 0.1, 8, arc=(180, 360)), 0.1)
    for y in ys[::-1]:
        _glow_line(c, ellipse(0, y, 0.35, 0.12, 8, arc=(0, 180)), 0.13)
    _lamp_base(c, rng, 0.3)


def _u_lamp(c: Canvas, rng: Generator) -> None:
    half = rng.uniform(0.09, 0.11)
    for x in (-0.22, 0.22, 0.0):
        bend = ellipse(x, -0.72, half, half, arc=(180, 360))
        path = np.concatenate([points([(x - half, 0.32)]), bend, points([(x + half, 0.32)])])
        _glow_line(c, path, 0.12)
    _lamp_base(c, rng, 0.28)


def _loose_pills(c: Canvas, rng: Generator) -> None:
    colours = (vivid(rng), choose(rng, (WHITE, vivid(rng))))
    tablet = choose(rng, (WHITE, near(rng, rng.uniform(0, 360), 0.3, 0.95)))
    spots = [(x, y) for y in (-0.55, 0.0, 0.55) for x in (-0.55, 0.0, 0.55)]
    count = int(rng.integers(5, 10))
    pill = Canvas(c.size // 4)
    for i in rng.permutation(len(spots))[:count]:
        x, y = spots[i]
        pill.clear()
        if rng.random() < 0.7:
            _capsule(pill, colours)
        else:
            _tablet(pill, tablet)
        turn = rng.uniform(0, 360)
        c.stamp(pill, x + rng.uniform(-0.1, 0.1), y + rng.uniform(-0.1, 0.1), turn, rng.uniform(0.36, 0.44))


def _capsule(c: Canvas, colours: tuple[Colour, Colour]) -> None:
    for colour, y0, y1, w in ((colours[0], -0.2, 0.92, 0.36), (colours[1], -0.92, 0.1, 0.4)):
        c.fill(box(-w, y0, w, y1, w), cylinder(colour, 0.3, 0.9), ink=shade(colour, 0.45))


def _tablet(c: Canvas, colour: Colour) -> None:
    c.fill(ellipse(0.05, 0.1, 0.62, 0.62), shade(colour, 0.6))
    c.fill(ellipse(0, 0, 0.62, 0.62), ball(colour, 0.1), ink=shade(colour, 0.5))
    c.line(points([(-0.55, 0), (0.55, 0)]), 0.07, shade(colour, 0.65))


def _blister(c: Canvas, rng: Generator) -> None:
    """Draw a foil card with two or three columns of pills, some pushed out."""
    columns, rows = choose(rng, ((2, 5), (3, 4)))
    w, h = 0.28 * columns, 0.18 * rows
    c.fill(
        box(-w, -h, w, h, 0.08),
        Slanted(worn(rng, metal(_STEEL, rng.uniform(0, 6)), 0.05, 10), 30),
        ink=(80, 80, 80),
    )
    colours = (vivid(rng), choose(rng, (WHITE, vivid(rng))))
    round_ones = rng.random() < 0.4
    pill = Canvas(c.size // 4)
    (_tablet(pill, colours[1]) if round_ones else _capsule(pill, colours))
    for x in np.linspace(-w + 0.28, w - 0.28, columns):
        for y in np.linspace(-h + 0.18, h - 0.18, rows):
            c.fill(ellipse(x, y, 0.21, 0.14), shade(_STEEL, 1.15), ink=(120, 120, 120))
            if rng.random() < 0.2:
                c.fill(moved(smooth([(-0.15, 0), (0, -0.09), (0.15, 0), (0, 0.1)]), x, y), flat((60, 60, 65)))
            else:
                c.stamp(pill, x, y, 90, 0.19)
