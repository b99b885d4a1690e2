"""Containers, of whatever waste: plastic and glass bottle, can, glassware, cardboard box, ceramic bowl.

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
    band,
    box,
    choose,
    cylinder,
    ellipse,
    gradient,
    jagged,
    metal,
    mottled,
    moved,
    near,
    points,
    ribbon,
    shade,
    smooth,
    turned,
    vivid,
)

_SILVER: Colour = (205, 203, 200)


def plastic_bottle(c: Canvas, rng: Generator) -> None:
    """Draw a clear drinks bottle with screw cap, ribs and a label."""
    w, waist = rng.uniform(0.25, 0.34), rng.uniform(0.86, 0.96)
    tint = choose(rng, (near(rng, 205, 0.18, 0.92), near(rng, 195, 0.35, 0.9), near(rng, 140, 0.25, 0.85)))
    profile = [(-0.76, 0.1), (-0.66, 0.1), (-0.58, 0.13), (-0.34, w * 0.95), (-0.25, w), (0.1, w * waist)]
    profile += [(0.2, w), (0.78, w), (0.88, w * 0.9), (0.91, w * 0.7)]
    body = turned(profile)
    c.fill(body, cylinder(tint, gloss=0.6), opacity=rng.uniform(0.55, 0.75), ink=shade(tint, 0.45))
    for y in np.linspace(0.35, 0.8, 4):
        c.line(ellipse(0, y, w, 0.05, arc=(0, 180)), 0.025, shade(tint, 0.6), opacity=0.5, inside=True)
        c.line(ellipse(0, y + 0.03, w, 0.05, arc=(0, 180)), 0.015, WHITE, opacity=0.6, inside=True)
    if rng.random() < 0.8:
        _bottle_label(c, rng, -0.2, rng.uniform(0.1, 0.25), w)
    cap = vivid(rng) if rng.random() < 0.7 else WHITE
    c.line(points([(-0.12, -0.66), (0.12, -0.66)]), 0.035, shade(tint, 0.75))
    c.fill(box(-0.13, -0.93, 0.13, -0.74, 0.03), cylinder(cap, gloss=0.3), ink=shade(cap, 0.4))
    ridges = [points([(x, -0.9), (x, -0.76)]) for x in np.linspace(-0.1, 0.1, 7)]
    c.lines(ridges, 0.01, shade(cap, 0.55), 0.7)
    c.line(
        points([(-w * 0.62, -0.25), (-w * 0.62, 0.75)]), 0.04, WHITE, opacity=0.55, inside=True, soft=0.012
    )


def can(c: Canvas, rng: Generator) -> None:
    """Draw an aluminium drinks can."""
    w, h = rng.uniform(0.36, 0.44), rng.uniform(0.66, 0.78)
    colour, second = vivid(rng), choose(rng, (WHITE, vivid(rng)))
    body = turned([(-h, w * 0.82), (-h + 0.1, w), (h - 0.1, w), (h, w * 0.8), (h + 0.04, w * 0.5)])
    if rng.random() < 0.3:
        body = jagged(body, 0.025, rng)
    c.fill(body, cylinder(colour, rng.uniform(0.25, 0.4), 0.6), ink=shade(colour, 0.4))
    _can_print(c, rng, w, second)
    c.fill(band(h - 0.06, h + 0.03, w * 0.95, w * 0.75, 0.09), metal(_SILVER), inside=True)
    c.fill(band(-h, -h + 0.08, w * 0.84, w, 0.12), metal(_SILVER, 1.0), inside=True)
    c.fill(
        ellipse(0, -h, w * 0.84, 0.13), gradient(shade(_SILVER, 0.75), shade(_SILVER, 1.15)), ink=(90, 90, 90)
    )
    c.ring(ellipse(0, -h, w * 0.74, 0.1), 0.014, (110, 110, 110))
    if rng.random() < 0.6:
        c.fill(ellipse(0.0, -h + 0.045, w * 0.3, 0.035), (30, 30, 35))
    c.fill(ellipse(0.0, -h - 0.02, w * 0.22, 0.04), shade(_SILVER, 1.1), ink=(90, 90, 90))


def glassware(c: Canvas, rng: Generator) -> None:
    """Draw a tumbler, a wine glass or a jug of clear glass."""
    choose(rng, (_tumbler, _wine_glass, _mug))(c, rng)


def glass_bottle(c: Canvas, rng: Generator) -> None:
    """Draw a wine or beer bottle: long neck, dark or green glass, paper label."""
    glass = choose(rng, (near(rng, 110, 0.75, 0.38), near(rng, 25, 0.85, 0.4), near(rng, 150, 0.45, 0.6)))
    w, shoulder = rng.uniform(0.23, 0.3), rng.uniform(-0.3, -0.1)
    neck = rng.uniform(0.075, 0.095)
    profile = [(-0.93, neck * 1.2), (-0.88, neck * 1.2), (-0.86, neck), (shoulder - 0.25, neck * 1.1)]
    profile += [(shoulder, w * 0.9), (shoulder + 0.1, w), (0.86, w), (0.92, w * 0.9)]
    body = turned(profile)
    c.fill(body, cylinder(glass, 0.28, 0.7), opacity=rng.uniform(0.85, 0.97), ink=shade(glass, 0.3))
    c.line(
        points([(w * 0.75, shoulder + 0.15), (w * 0.75, 0.8)]),
        0.03,
        shade(glass, 2.2),
        opacity=0.6,
        soft=0.01,
    )
    paper = choose(rng, (near(rng, 45, 0.15, 0.93), near(rng, 0, 0.7, 0.6), near(rng, 45, 0.6, 0.8)))
    if rng.random() < 0.85:
        y0 = shoulder + rng.uniform(0.22, 0.3)
        c.fill(band(y0, 0.65, w, w, 0.05), cylinder(paper, 0.35, 0.0), inside=True, ink=(60, 60, 60))
        c.text(choose(rng, ("WINE", "1998", "ALE", "CIDER")), (0, y0 + 0.2), 0.13, (40, 30, 60))
        c.lines(
            [points([(-w * 0.6, y), (w * 0.6, y)]) for y in (y0 + 0.32, y0 + 0.38)], 0.014, (60, 50, 70), 0.8
        )
    if rng.random() < 0.5:
        foil = vivid(rng)
        c.fill(box(-neck * 1.1, -0.94, neck * 1.1, -0.66), cylinder(foil, gloss=0.5), ink=shade(foil, 0.4))
    elif rng.random() < 0.5:
        c.fill(box(-neck * 0.8, -1.0, neck * 0.8, -0.9), mottled(rng, (110, 160, 200)), ink=(50, 80, 110))


def cardboard(c: Canvas, rng: Generator) -> None:
    """Draw an open carton, a closed one, or a torn sheet of corrugated board."""
    choose(rng, (_open_box, _open_box, _closed_box, _torn_board))(c, rng)


def ceramic_bowl(c: Canvas, rng: Generator) -> None:
    """Draw a rice bowl seen a little from above, plain or with a painted pattern, sometimes chipped."""
    glaze = choose(rng, (WHITE, near(rng, 45, 0.12, 0.9), near(rng, 200, 0.3, 0.6), near(rng, 20, 0.5, 0.4)))
    w, deep, tilt = rng.uniform(0.74, 0.86), rng.uniform(0.6, 0.78), rng.uniform(0.16, 0.3)
    top, dark = -0.3, shade(glaze, 0.45)
    foot = top + deep
    c.fill(box(-0.3, foot - 0.06, 0.3, foot + 0.12, 0.05), cylinder(shade(glaze, 0.8)), ink=dark)
    side = smooth(
        [(w, top), (w * 0.93, top + deep * 0.45), (w * 0.62, top + deep * 0.85), (0.3, foot + 0.02)], False
    )
    body = np.concatenate([ellipse(0, top, w, tilt, arc=(180, 360)), side, side[::-1] * (-1, 1)]).astype(
        np.float32
    )
    c.fill(body, cylinder(glaze, 0.3, 0.4), ink=dark)
    _bowl_pattern(c, rng, (w, top, deep, tilt))
    c.fill(ellipse(0, top, w, tilt), gradient(shade(glaze, 0.6), shade(glaze, 1.05)), ink=dark)
    c.fill(ellipse(0, top + 0.04, w * 0.6, tilt * 0.55), shade(glaze, 0.9), opacity=0.5, soft=0.05)
    edge = choose(rng, (shade(glaze, 1.1), near(rng, 220, 0.7, 0.55)))
    c.ring(ellipse(0, top, w * 0.985, tilt * 0.97), 0.03, edge)
    if rng.random() < 0.4:
        x = rng.uniform(-0.4, 0.4)
        y = top + tilt * float(np.sqrt(1 - (x / w) ** 2))
        c.fill(
            jagged(points([(x - 0.1, y - 0.03), (x + 0.1, y - 0.03), (x + 0.03, y + 0.1)]), 0.03, rng),
            (140, 160, 175),
            ink=dark,
        )
        c.line(
            jagged([(x, y + 0.08), (x + 0.05, y + 0.2), (x, y + 0.35)], 0.03, rng), 0.012, dark, inside=True
        )


def _bottle_label(c: Canvas, rng: Generator, y0: float, y1: float, w: float) -> None:
    """Draw a paper band round a bottle of half width `w`, with a name on it."""
    colour = vivid(rng)
    c.fill(band(y0, y1, w, w, 0.05), cylinder(colour, gloss=0.15), inside=True, ink=shade(colour, 0.5))
    stripe = y0 + (y1 - y0) * rng.uniform(0.75, 0.85)
    c.line(ellipse(0, stripe, w, 0.05, arc=(0, 180)), 0.04, WHITE, opacity=0.8, inside=True)
    words = choose(rng, ("AQUA", "FRESH", "SODA", "COOL", "SPRING"))
    c.text(words, (0, (y0 + y1) / 2 + 0.02), 0.11, WHITE)


def _can_print(c: Canvas, rng: Generator, w: float, second: Colour) -> None:
    """Draw a wave or a disc, and the name of the drink."""
    if rng.random() < 0.6:
        x = np.linspace(-w, w, 12)
        wave = np.sin(x * rng.uniform(4, 7) + rng.uniform(0, 6)) * 0.12
        strip = np.concatenate([np.stack([x, wave - 0.16], 1), np.stack([x, wave + 0.2], 1)[::-1]])
        c.fill(points(strip), cylinder(second, gloss=0.6), inside=True)
    else:
        c.fill(ellipse(0, 0, w * 0.75, w * 0.75), cylinder(second, gloss=0.4), inside=True)
    words = choose(rng, ("COLA", "BEER", "TONIC", "JUICE", "FIZZ"))
    c.text(words, (0, 0.02), 0.17, BLACK if sum(second) > 380 else WHITE, bold=4)


def _glass_body(c: Canvas, rng: Generator, outline: Points, opacity: float = 0.35) -> Colour:
    """Draw a clear body with bright edges; returns its tint."""
    tint = near(rng, 190, 0.1, 0.92)
    c.fill(outline, cylinder(tint, gloss=0.5), opacity=opacity)
    c.ring(outline, 0.03, shade(tint, 0.5), opacity=0.55, inside=True)
    c.ring(outline, 0.012, shade(tint, 0.35), opacity=0.8)
    return tint


def _drink(rng: Generator) -> Colour:
    return choose(rng, (near(rng, 200, 0.3, 0.9), near(rng, 35, 0.8, 0.85), near(rng, 350, 0.8, 0.5)))


def _tumbler(c: Canvas, rng: Generator) -> None:
    top, foot, h = rng.uniform(0.4, 0.52), rng.uniform(0.28, 0.38), rng.uniform(0.6, 0.78)
    outline = np.concatenate(
        [ellipse(0, -h, top, 0.12, arc=(180, 360)), ellipse(0, h, foot, 0.1, arc=(0, 180))]
    )
    if rng.random() < 0.5:
        level = rng.uniform(-0.3, 0.3)
        w = foot + (top - foot) * (h - level) / (2 * h)
        drink = _drink(rng)
        c.fill(band(level, h - 0.12, w * 0.95, foot * 0.95, 0.1), cylinder(drink, gloss=0.2), opacity=0.7)
        c.fill(ellipse(0, level, w * 0.95, 0.1), shade(drink, 1.15), opacity=0.8)
    tint = _glass_body(c, rng, outline)
    c.fill(
        band(h - 0.13, h, foot * 1.02, foot, 0.09),
        gradient(shade(tint, 0.6), WHITE),
        opacity=0.7,
        inside=True,
    )
    for x in np.linspace(-0.7, 0.7, 6) if rng.random() < 0.6 else ():
        c.line(points([(x * top, -0.1), (x * foot, h)]), 0.02, WHITE, opacity=0.6, inside=True)
    _rim(c, -h, top, 0.12)
    c.line(points([(-top * 0.7, -h + 0.2), (-foot * 0.75, h - 0.2)]), 0.05, WHITE, opacity=0.8, soft=0.01)


def _rim(c: Canvas, y: float, w: float, bulge: float) -> None:
    """Draw the open mouth of a glass."""
    c.fill(ellipse(0, y, w, bulge), WHITE, opacity=0.25)
    c.ring(ellipse(0, y, w, bulge), 0.022, (245, 250, 250))
    c.ring(ellipse(0, y + 0.012, w * 0.97, bulge * 0.9), 0.01, (120, 115, 110))


def _wine_glass(c: Canvas, rng: Generator) -> None:
    w, foot = rng.uniform(0.36, 0.46), rng.uniform(0.3, 0.38)
    bowl = turned([(-0.88, w * 0.8), (-0.55, w), (-0.25, w * 0.85), (-0.02, 0.1), (0.02, 0.04)])
    tint = _glass_body(c, rng, bowl)
    if rng.random() < 0.7:
        wine = _drink(rng)
        fluid = turned([(-0.42, w * 0.92), (-0.25, w * 0.8), (-0.06, w * 0.2)])
        c.fill(fluid, cylinder(wine, gloss=0.3), opacity=0.85)
        c.fill(ellipse(0, -0.42, w * 0.92, 0.08), shade(wine, 1.25))
    c.fill(box(-0.035, 0.0, 0.035, 0.8), metal(tint), opacity=0.8, ink=shade(tint, 0.4))
    c.fill(
        ellipse(0, 0.82, foot, 0.1), gradient(WHITE, shade(tint, 0.6)), opacity=0.75, ink=shade(tint, 0.35)
    )
    _rim(c, -0.88, w * 0.8, 0.09)
    c.line(
        smooth([(-w * 0.6, -0.75), (-w * 0.75, -0.5), (-w * 0.6, -0.25)], closed=False),
        0.05,
        WHITE,
        opacity=0.8,
    )


def _mug(c: Canvas, rng: Generator) -> None:
    w, h = rng.uniform(0.38, 0.46), rng.uniform(0.5, 0.62)
    c.line(ellipse(w + 0.02, 0.0, 0.26, 0.32, arc=(-80, 80)), 0.1, (190, 185, 175), opacity=0.75)
    c.line(ellipse(w + 0.02, 0.0, 0.29, 0.35, arc=(-80, 80)), 0.015, (90, 85, 80))
    outline = np.concatenate([ellipse(0, -h, w, 0.12, arc=(180, 360)), ellipse(0, h, w, 0.12, arc=(0, 180))])
    if rng.random() < 0.6:
        drink = _drink(rng)
        c.fill(band(-0.25, h - 0.12, w * 0.93, w * 0.93, 0.1), cylinder(drink), opacity=0.75)
        c.fill(ellipse(0, -0.25, w * 0.93, 0.1), shade(drink, 1.2))
    _glass_body(c, rng, outline)
    dimples = [ellipse(x * w, y, w * 0.17, 0.12) for x in (-0.6, -0.2, 0.2, 0.6) for y in (-0.1, 0.2)]
    c.lines(dimples, 0.018, WHITE, 0.7)
    _rim(c, -h, w, 0.12)


def _box_sides(c: Canvas, rng: Generator, colour: Colour, corner: Points) -> None:
    """Draw the two sides of a carton that are seen; corner: left, front, right at the top, then below."""
    left, front, right, left_low, front_low, right_low = corner
    dark = shade(colour, 0.4)
    c.fill(points([left, front, front_low, left_low]), mottled(rng, shade(colour, 0.95), 0.03), ink=dark)
    c.fill(points([front, right, right_low, front_low]), mottled(rng, shade(colour, 0.7), 0.03), ink=dark)
    side = front - left
    if rng.random() < 0.7:
        place = left + 0.42 * side + np.array([0, 0.42], np.float32)
        c.text(choose(rng, ("FRAGILE", "THIS UP", "BOX")), (float(place[0]), float(place[1])), 0.08, dark)
        arrow = points([(0, 0.09), (0, -0.09), (-0.05, -0.03), (0, -0.09), (0.05, -0.03)])
        c.line(moved(arrow, float(place[0]), float(place[1]) - 0.18), 0.025, dark)


def _carton(rng: Generator) -> tuple[Colour, Points, Points]:
    """Colour, visible corners as in `_box_sides`, and the far corner of the top."""
    colour = near(rng, 30, 0.45, 0.74)
    high, split = rng.uniform(0.5, 0.75), rng.uniform(-0.15, 0.25)
    top = points([(-0.72, -0.25), (split, 0.05), (0.72, -0.25)])
    corner = np.concatenate([top, top + np.array([0, high], np.float32)])
    far = points([(-split * 0.6, -0.52)])[0]
    return colour, corner, far


def _open_box(c: Canvas, rng: Generator) -> None:
    colour, corner, far = _carton(rng)
    left, front, right = corner[:3]
    dark = shade(colour, 0.4)
    c.fill(
        points([far, left, moved(left, -0.2, -0.2), moved(far, -0.22, -0.2)]), shade(colour, 0.85), ink=dark
    )
    c.fill(
        points([far, right, moved(right, 0.2, -0.22), moved(far, 0.2, -0.22)]), shade(colour, 1.0), ink=dark
    )
    c.fill(points([left, front, right, far]), gradient(shade(colour, 0.55), shade(colour, 0.3)), ink=dark)
    _box_sides(c, rng, colour, corner)
    droop = rng.uniform(0.05, 0.25)
    c.fill(
        points([left, front, moved(front, -0.2, droop), moved(left, -0.22, droop)]),
        shade(colour, 1.12),
        ink=dark,
    )
    c.fill(
        points([front, right, moved(right, 0.22, droop), moved(front, 0.2, droop)]),
        shade(colour, 0.85),
        ink=dark,
    )


def _closed_box(c: Canvas, rng: Generator) -> None:
    colour, corner, far = _carton(rng)
    left, front, right = corner[:3]
    c.fill(points([left, front, right, far]), shade(colour, 1.15), ink=shade(colour, 0.4))
    _box_sides(c, rng, colour, corner)
    a, b = (left + front) / 2, (far + right) / 2
    tape = ribbon([a, b], [0.07, 0.05])
    c.fill(tape, (150, 190, 215), opacity=0.9)
    c.line(points([a, moved(a, 0, 0.2)]), 0.13, (140, 180, 205), opacity=0.9)
    c.lines([points([a, b])], 0.01, shade(colour, 0.4), 0.8)


def _torn_board(c: Canvas, rng: Generator) -> None:
    colour = near(rng, 30, 0.45, 0.74)
    sheet = jagged(box(-0.75, -0.6, 0.75, 0.6), 0.12, rng)
    torn = jagged(np.stack([np.full(14, 0.72), np.linspace(sheet[1, 1], sheet[2, 1], 14)], 1), 0.06, rng)
    outline = np.concatenate([sheet[:2], torn, sheet[2:]])
    under = outline + np.array([0.03, 0.05], np.float32)
    c.fill(under, shade(colour, 0.55), ink=shade(colour, 0.35))
    c.lines(
        [points([(x, 0.3), (x, 0.9)]) for x in np.arange(-0.8, 0.9, 0.035)],
        0.014,
        shade(colour, 0.9),
        0.9,
        True,
    )
    c.fill(outline, mottled(rng, colour, 0.04, 9), ink=shade(colour, 0.4))
    c.lines(
        [points([(x, -0.7), (x, 0.7)]) for x in np.arange(-0.8, 0.8, 0.07)],
        0.02,
        shade(colour, 0.88),
        0.6,
        True,
    )
    c.line(
        points([(-0.75, rng.uniform(-0.2, 0.2)), (0.75, rng.uniform(-0.2, 0.2))]), 0.03, shade(colour, 0.6)
    )
    c.text(choose(rng, ("RECYCLE", "CARTON", "24 PCS")), (-0.1, 0.32), 0.13, shade(colour, 0.35))


def _bowl_pattern(c: Canvas, rng: Generator, form: tuple[float, float, float, float]) -> None:
    """Painted rings, flowers or a wave round the bowl."""
    w, top, deep, tilt = form
    ink = choose(rng, (near(rng, 222, 0.8, 0.55), near(rng, 222, 0.8, 0.55), near(rng, 355, 0.8, 0.65)))
    kind = choose(rng, ("rings", "flowers", "wave", "plain"))
    y = top + deep * 0.42
    if kind == "plain":
        return
    for at, width in ((0.1, 0.025), (0.75, 0.03)):
        ring = ellipse(0, top + deep * at, w * (1 - at * 0.42), tilt, arc=(5, 175))
        c.line(ring, width, ink, opacity=0.85, inside=True)
    for x in np.linspace(-0.55, 0.55, 4) if kind == "flowers" else ():
        at = y + tilt * float(np.sqrt(1 - (x / w) ** 2)) - 0.05
        for turn in range(0, 360, 72):
            petal = moved(ellipse(0.06, 0, 0.06, 0.035), x, at, turn)
            c.fill(petal, ink, opacity=0.9, inside=True)
        c.fill(ellipse(x, at, 0.03, 0.03), (60, 190, 230), inside=True)
    if kind == "wave":
        x = np.linspace(-w, w, 60)
        curve = y + tilt * np.sqrt(np.clip(1 - (x / w) ** 2, 0, 1)) - 0.05 + 0.05 * np.sin(x * 22)
        c.line(points(np.stack([x * 0.93, curve], 1)), 0.035, ink, opacity=0.85, inside=True)
