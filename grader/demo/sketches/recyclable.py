"""Recyclable waste: bottles, hats, newspaper, cans, glass, cardboard, basketball, paper, metalware.

Each function draws one object of its class, upright, in the middle of the canvas.
"""

from itertools import pairwise

import numpy as np
from numpy.random import Generator

from grader.demo.canvas import Canvas
from grader.demo.paint import (
    BLACK,
    WHITE,
    Colour,
    ball,
    blend,
    choose,
    cylinder,
    flat,
    gradient,
    hsv,
    metal,
    mottled,
    near,
    shade,
    vivid,
    worn,
)
from grader.demo.shapes import Points, band, box, ellipse, jagged, moved, points, ribbon, smooth, turned

SILVER: Colour = (205, 203, 200)


def plastic_bottle(c: Canvas, rng: Generator) -> None:
    """Draw a clear drinks bottle with screw cap, ribs and a label."""
    w, waist = rng.uniform(0.25, 0.34), rng.uniform(0.86, 0.96)
    tint = choose(rng, (near(rng, 205, 0.18, 0.92), near(rng, 195, 0.35, 0.9), near(rng, 140, 0.25, 0.85)))
    profile = [(-0.76, 0.1), (-0.66, 0.1), (-0.58, 0.13), (-0.34, w * 0.95), (-0.25, w), (0.1, w * waist)]
    profile += [(0.2, w), (0.78, w), (0.88, w * 0.9), (0.91, w * 0.7)]
    body = turned(profile)
    c.fill(body, cylinder(tint, gloss=0.6), opacity=rng.uniform(0.55, 0.75), ink=shade(tint, 0.45))
    for y in np.linspace(0.35, 0.8, 4):
        c.line(ellipse(0, y, w, 0.05, start=0, end=180), 0.025, shade(tint, 0.6), opacity=0.5, inside=True)
        c.line(ellipse(0, y + 0.03, w, 0.05, start=0, end=180), 0.015, WHITE, opacity=0.6, inside=True)
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


def _bottle_label(c: Canvas, rng: Generator, y0: float, y1: float, w: float) -> None:
    """Draw a paper band round a bottle of half width `w`, with a name on it."""
    colour = vivid(rng)
    c.fill(band(y0, y1, w, w, 0.05), cylinder(colour, gloss=0.15), inside=True, ink=shade(colour, 0.5))
    stripe = y0 + (y1 - y0) * rng.uniform(0.75, 0.85)
    c.line(ellipse(0, stripe, w, 0.05, start=0, end=180), 0.04, WHITE, opacity=0.8, inside=True)
    words = choose(rng, ("AQUA", "FRESH", "SODA", "COOL", "SPRING"))
    c.text(words, 0, (y0 + y1) / 2 + 0.02, 0.11, WHITE)


def hat(c: Canvas, rng: Generator) -> None:
    """Draw a baseball cap, a hat with a brim, or a knitted hat."""
    choose(rng, (_cap, _cap, _brimmed_hat, _brimmed_hat, _knitted_hat))(c, rng)


def _cap(c: Canvas, rng: Generator) -> None:
    colour = vivid(rng) if rng.random() < 0.75 else BLACK
    peak = shade(colour, 0.75) if rng.random() < 0.5 else vivid(rng)
    dark = blend(colour, (0, 0, 0), 0.6)
    dome = smooth(
        [(-0.62, 0.28), (-0.6, -0.1), (-0.35, -0.5), (0.05, -0.6), (0.42, -0.4), (0.58, 0.0), (0.6, 0.25)]
    )
    brim = smooth([(0.0, 0.3), (0.3, 0.16), (0.62, 0.16), (0.9, 0.28), (0.97, 0.42), (0.7, 0.42), (0.3, 0.4)])
    c.fill(dome, worn(rng, ball(colour, 0.1), 0.04), ink=dark)
    c.fill(brim, gradient(shade(peak, 1.2), shade(peak, 0.6)), ink=blend(peak, (0, 0, 0), 0.6))
    seams = [
        smooth([(0.05, -0.6), (-0.2, -0.3), (-0.28, 0.28)], closed=False),
        smooth([(0.05, -0.6), (0.3, -0.3), (0.36, 0.22)], closed=False),
    ]
    c.lines(seams, 0.014, dark, 0.7)
    c.fill(ellipse(0.05, -0.6, 0.06, 0.035), peak, ink=dark)
    c.line(smooth([(-0.62, 0.27), (-0.1, 0.33), (0.3, 0.3)], closed=False), 0.05, dark, opacity=0.5)
    c.text(choose(rng, ("NY", "A", "LA", "B", "K9")), 0.06, -0.13, 0.24, WHITE, bold=4)


def _brimmed_hat(c: Canvas, rng: Generator) -> None:
    colour = choose(rng, (near(rng, 40, 0.4, 0.85), near(rng, 25, 0.5, 0.5), near(rng, 0, 0.05, 0.25)))
    dark, ribbon_colour = shade(colour, 0.5), choose(rng, (BLACK, vivid(rng)))
    tall, w = rng.uniform(0.45, 0.65), rng.uniform(0.42, 0.52)
    c.fill(
        ellipse(0, 0.3, 0.93, 0.26),
        worn(rng, gradient(shade(colour, 1.1), shade(colour, 0.75)), 0.06),
        ink=dark,
    )
    crown = smooth([(-w, 0.28), (-w * 0.9, 0.3 - tall), (-w * 0.5, 0.2 - tall), (0, 0.27 - tall),
                    (w * 0.5, 0.2 - tall), (w * 0.9, 0.3 - tall), (w, 0.28), (0, 0.42)])  # fmt: skip
    c.fill(crown, worn(rng, cylinder(colour, 0.35, 0.05), 0.06), ink=dark)
    c.fill(band(0.08, 0.28, w * 1.01, w * 1.02, 0.12), cylinder(ribbon_colour, 0.35, 0.1), inside=True)
    if colour[2] > 150:
        weave = [ellipse(0, 0.3, r, r * 0.28) for r in np.linspace(0.5, 0.9, 7)]
        weave += [ellipse(0, y, w, 0.12, start=10, end=170) for y in np.linspace(0.2 - tall, 0.02, 6)]
        c.lines(weave, 0.008, dark, 0.35, inside=True)


def _knitted_hat(c: Canvas, rng: Generator) -> None:
    colour, second = vivid(rng), vivid(rng)
    dome = smooth(
        [(-0.58, 0.4), (-0.55, -0.1), (-0.3, -0.5), (0, -0.6), (0.3, -0.5), (0.55, -0.1), (0.58, 0.4)]
    )
    c.fill(dome, ball(colour, 0.0), ink=shade(colour, 0.4))
    for y in (-0.25, -0.05):
        c.line(ellipse(0, y, 0.6, 0.1, start=0, end=180), 0.08, second, inside=True)
    stitches = [points([(x * 0.6, -0.5), (x, 0.35)]) for x in np.linspace(-0.5, 0.5, 15)]
    c.lines(stitches, 0.012, shade(colour, 0.5), 0.5, inside=True)
    c.fill(box(-0.64, 0.28, 0.64, 0.58, 0.1), cylinder(second, 0.35, 0.0), ink=shade(second, 0.4))
    c.lines(
        [points([(x, 0.3), (x, 0.56)]) for x in np.linspace(-0.58, 0.58, 18)], 0.015, shade(second, 0.55), 0.7
    )
    c.fill(jagged(ellipse(0, -0.66, 0.2, 0.19), 0.03, rng), ball(WHITE, 0.0), ink=(140, 140, 140))


def newspaper(c: Canvas, rng: Generator) -> None:
    """Draw a front page: masthead, columns of print and a photo; often with more pages under it."""
    grey = near(rng, 42, 0.12, 0.86)
    w, h = rng.uniform(0.6, 0.72), rng.uniform(0.8, 0.9)
    for turn in rng.uniform(-9, 9, int(rng.integers(0, 3))):
        c.fill(moved(box(-w, -h, w, h), 0.04, 0.03, turn), shade(grey, 0.85), ink=(90, 90, 90))
    c.fill(box(-w, -h, w, h), worn(rng, flat(grey), 0.05, 6), ink=(80, 80, 80))
    c.text(
        choose(rng, ("DAILY NEWS", "THE TIMES", "CITY POST", "GAZETTE")), 0, -h + 0.15, 0.135, BLACK, bold=3
    )
    c.lines([points([(-w + 0.05, y), (w - 0.05, y)]) for y in (-h + 0.28, -h + 0.31)], 0.012, BLACK, 0.9)
    photo = choose(rng, ((-w + 0.06, -0.45, 0.1, 0.05), (-0.1, -0.2, w - 0.06, 0.3), (-0.3, -0.45, 0.3, 0.0)))
    _print_columns(c, rng, (w, h), photo)
    _photo(c, rng, *photo)
    if rng.random() < 0.5:
        c.line(points([(-w, 0.02), (w, 0.0)]), 0.05, (40, 40, 40), opacity=0.35, inside=True, soft=0.02)


def _print_columns(
    c: Canvas, rng: Generator, half: tuple[float, float], photo: tuple[float, float, float, float]
) -> None:
    """Lines of print in columns, leaving out the photo, under one headline a column."""
    w, h = half
    count = int(rng.integers(3, 5))
    edges = np.linspace(-w + 0.06, w - 0.02, count + 1)
    for x0, x1 in zip(edges[:-1], edges[1:] - 0.05, strict=True):
        c.line(points([(x0, -h + 0.42), (x0 + (x1 - x0) * 0.85, -h + 0.42)]), 0.05, BLACK, opacity=0.85)
        rows = np.arange(-h + 0.52, h - 0.06, 0.042)
        ends = x0 + (x1 - x0) * rng.uniform(0.75, 1.0, len(rows))
        clear = [
            points([(x0, y), (x, y)])
            for y, x in zip(rows, ends, strict=True)
            if not (photo[1] - 0.03 < y < photo[3] + 0.03 and x > photo[0] - 0.02 and x0 < photo[2] + 0.02)
        ]
        c.lines(clear, 0.016, (70, 70, 70), 0.85)


def _photo(c: Canvas, rng: Generator, x0: float, y0: float, x1: float, y1: float) -> None:
    """Draw a press photo: sky, hills and a sun, in grey or in colour."""
    colour = near(rng, rng.uniform(0, 360), 0.4 * float(rng.random() < 0.5), 0.6)
    c.fill(box(x0, y0, x1, y1), gradient(shade(colour, 1.4), shade(colour, 0.8)), ink=BLACK)
    xs = np.linspace(x0, x1, 7)
    hills = [(x, y1 - rng.uniform(0.1, 0.6) * (y1 - y0)) for x in xs]
    c.fill(points([*hills, (x1, y1), (x0, y1)]), shade(colour, 0.45))
    c.fill(ellipse(x0 + (x1 - x0) * 0.7, y0 + 0.1, 0.06, 0.06), shade(colour, 1.7))


def can(c: Canvas, rng: Generator) -> None:
    """Draw an aluminium drinks can."""
    w, h = rng.uniform(0.36, 0.44), rng.uniform(0.66, 0.78)
    colour, second = vivid(rng), choose(rng, (WHITE, vivid(rng)))
    body = turned([(-h, w * 0.82), (-h + 0.1, w), (h - 0.1, w), (h, w * 0.8), (h + 0.04, w * 0.5)])
    if rng.random() < 0.3:
        body = jagged(body, 0.025, rng)
    c.fill(body, cylinder(colour, rng.uniform(0.25, 0.4), 0.6), ink=shade(colour, 0.4))
    _can_print(c, rng, w, second)
    c.fill(band(h - 0.06, h + 0.03, w * 0.95, w * 0.75, 0.09), metal(SILVER), inside=True)
    c.fill(band(-h, -h + 0.08, w * 0.84, w, 0.12), metal(SILVER, 1.0), inside=True)
    c.fill(
        ellipse(0, -h, w * 0.84, 0.13), gradient(shade(SILVER, 0.75), shade(SILVER, 1.15)), ink=(90, 90, 90)
    )
    c.line(ellipse(0, -h, w * 0.74, 0.1), 0.014, (110, 110, 110), closed=True)
    if rng.random() < 0.6:
        c.fill(ellipse(0.0, -h + 0.045, w * 0.3, 0.035), (30, 30, 35))
    c.fill(ellipse(0.0, -h - 0.02, w * 0.22, 0.04), shade(SILVER, 1.1), ink=(90, 90, 90))


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
    c.text(words, 0, 0.02, 0.17, BLACK if sum(second) > 380 else WHITE, bold=4)


def glassware(c: Canvas, rng: Generator) -> None:
    """Draw a tumbler, a wine glass or a jug of clear glass."""
    choose(rng, (_tumbler, _wine_glass, _mug))(c, rng)


def _glass_body(c: Canvas, rng: Generator, outline: Points, opacity: float = 0.35) -> Colour:
    """Draw a clear body with bright edges; returns its tint."""
    tint = near(rng, 190, 0.1, 0.92)
    c.fill(outline, cylinder(tint, gloss=0.5), opacity=opacity)
    c.line(outline, 0.03, shade(tint, 0.5), opacity=0.55, closed=True, inside=True)
    c.line(outline, 0.012, shade(tint, 0.35), opacity=0.8, closed=True)
    return tint


def _drink(rng: Generator) -> Colour:
    return choose(rng, (near(rng, 200, 0.3, 0.9), near(rng, 35, 0.8, 0.85), near(rng, 350, 0.8, 0.5)))


def _tumbler(c: Canvas, rng: Generator) -> None:
    top, foot, h = rng.uniform(0.4, 0.52), rng.uniform(0.28, 0.38), rng.uniform(0.6, 0.78)
    outline = np.concatenate(
        [ellipse(0, -h, top, 0.12, start=180, end=360), ellipse(0, h, foot, 0.1, end=180)]
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
    c.line(ellipse(0, y, w, bulge), 0.022, (245, 250, 250), closed=True)
    c.line(ellipse(0, y + 0.012, w * 0.97, bulge * 0.9), 0.01, (120, 115, 110), closed=True)


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
    c.line(ellipse(w + 0.02, 0.0, 0.26, 0.32, start=-80, end=80), 0.1, (190, 185, 175), opacity=0.75)
    c.line(ellipse(w + 0.02, 0.0, 0.29, 0.35, start=-80, end=80), 0.015, (90, 85, 80))
    outline = np.concatenate([ellipse(0, -h, w, 0.12, start=180, end=360), ellipse(0, h, w, 0.12, end=180)])
    if rng.random() < 0.6:
        drink = _drink(rng)
        c.fill(band(-0.25, h - 0.12, w * 0.93, w * 0.93, 0.1), cylinder(drink), opacity=0.75)
        c.fill(ellipse(0, -0.25, w * 0.93, 0.1), shade(drink, 1.2))
    _glass_body(c, rng, outline)
    dimples = [ellipse(x * w, y, w * 0.17, 0.12) for x in (-0.6, -0.2, 0.2, 0.6) for y in (-0.1, 0.2)]
    c.lines(dimples, 0.018, WHITE, 0.7)
    _rim(c, -h, w, 0.12)


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
        c.text(choose(rng, ("WINE", "1998", "ALE", "CIDER")), 0, y0 + 0.2, 0.13, (40, 30, 60))
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


def _box_sides(c: Canvas, rng: Generator, colour: Colour, corner: Points) -> None:
    """Draw the two sides of a carton that are seen; corner: left, front, right at the top, then below."""
    left, front, right, left_low, front_low, right_low = corner
    dark = shade(colour, 0.4)
    c.fill(points([left, front, front_low, left_low]), mottled(rng, shade(colour, 0.95), 0.03), ink=dark)
    c.fill(points([front, right, right_low, front_low]), mottled(rng, shade(colour, 0.7), 0.03), ink=dark)
    side = front - left
    if rng.random() < 0.7:
        place = left + 0.42 * side + np.array([0, 0.42], np.float32)
        c.text(choose(rng, ("FRAGILE", "THIS UP", "BOX")), float(place[0]), float(place[1]), 0.08, dark)
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
    c.text(choose(rng, ("RECYCLE", "CARTON", "24 PCS")), -0.1, 0.32, 0.13, shade(colour, 0.35))


def basketball(c: Canvas, rng: Generator) -> None:
    """Draw a basketball, its seams turned any way."""
    colour = near(rng, 20, 0.8, 0.85)
    r = rng.uniform(0.72, 0.88)
    c.fill(ellipse(0, 0, r, r), worn(rng, ball(colour, 0.15), 0.06, 40), ink=shade(colour, 0.35))
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    t = np.linspace(0, 2 * np.pi, 120)
    zero = np.zeros_like(t)
    lean = rng.uniform(0.55, 0.7)
    seams = [np.stack([np.cos(t), np.sin(t), zero]), np.stack([zero, np.cos(t), np.sin(t)])]
    for side in (-1, 1):
        ring = np.sqrt(1 - lean**2)
        seams.append(np.stack([np.full_like(t, side * lean), ring * np.cos(t), ring * np.sin(t)]))
    paths: list[Points] = []
    for seam in seams:
        x, y, z = turn @ seam
        gap = int(np.argmin(z))
        seen = np.roll(np.stack([x, y, z], 1), -gap, axis=0)
        paths.append(points(seen[seen[:, 2] > 0, :2] * r))
    c.lines([path for path in paths if len(path) > 1], 0.035, (25, 25, 35), 0.92, inside=True)
    if rng.random() < 0.4:
        c.text("NBA", rng.uniform(-0.2, 0.2), rng.uniform(-0.4, 0.4), 0.14, (30, 30, 40))


def paper(c: Canvas, rng: Generator) -> None:
    """Draw a written sheet with a turned corner, a crumpled one, or a crumpled ball."""
    choose(rng, (_sheet, _sheet, _crumpled_sheet, _paper_ball))(c, rng)


def _sheet(c: Canvas, rng: Generator) -> None:
    white = near(rng, rng.uniform(30, 220), 0.04, 0.95, 0.5)
    w, h, fold = rng.uniform(0.55, 0.68), rng.uniform(0.75, 0.88), rng.uniform(0.2, 0.35)
    outline = points([(-w, -h), (w - fold, -h), (w, -h + fold), (w, h), (-w, h)])
    c.fill(outline, worn(rng, gradient(white, shade(white, 0.9)), 0.02, 4), ink=(120, 120, 120))
    ruled = [points([(-w + 0.1, y), (w - 0.1, y)]) for y in np.arange(-h + 0.35, h - 0.08, 0.12)]
    if rng.random() < 0.7:
        c.lines(ruled, 0.01, (205, 160, 110), 0.8)
        c.line(points([(-w + 0.16, -h), (-w + 0.16, h)]), 0.01, (110, 110, 230), inside=True)
    if rng.random() < 0.6:
        for line in ruled[: int(rng.integers(2, len(ruled)))]:
            x = np.arange(-w + 0.2, rng.uniform(0.0, w - 0.15), 0.025)
            hand = np.stack([x, line[0, 1] - 0.03 + rng.uniform(-0.028, 0.028, len(x))], 1)
            c.line(smooth(hand, closed=False, steps=3), 0.012, (130, 60, 40), opacity=0.85)
    flap = points([(w - fold, -h), (w, -h + fold), (w - fold * 0.9, -h + fold * 0.95)])
    c.fill(flap + np.array([-0.02, 0.03], np.float32), (60, 60, 60), opacity=0.4, soft=0.02, inside=True)
    c.fill(flap, shade(white, 0.82), ink=(120, 120, 120))


def _crumple(c: Canvas, rng: Generator, rings: Points, colour: Colour, depth: float) -> None:
    """Facets between rings (rings, around, 2) of points, each in its own light."""
    count = rings.shape[1]
    for inner, outer in pairwise(rings):
        for i in range(count):
            j = (i + 1) % count
            for corners in ((inner[i], outer[i], outer[j]), (inner[i], inner[j], outer[j])):
                light = rng.uniform(1 - depth, 1.04)
                c.fill(points(corners), shade(colour, light), ink=shade(colour, light * 0.9))


def _crumpled_sheet(c: Canvas, rng: Generator) -> None:
    white = near(rng, rng.uniform(30, 220), 0.04, 0.93, 0.5)
    edge = jagged(smooth(box(-0.66, -0.8, 0.66, 0.8), steps=4) * 0.9, 0.05, rng)
    c.fill(edge, white, ink=(110, 110, 110))
    rings = np.stack(
        [edge * s + rng.normal(0, 0.05 * (0.2 < s < 0.9), edge.shape) for s in (0.05, 0.4, 0.72, 1.0)]
    )
    _crumple(c, rng, rings.astype(np.float32), white, 0.3)


def _paper_ball(c: Canvas, rng: Generator) -> None:
    white = near(rng, rng.uniform(30, 220), 0.04, 0.95, 0.5)
    edge = jagged(ellipse(0, 0, 0.72, 0.68)[:-1:4], 0.08, rng)
    c.fill(edge, white, ink=(100, 100, 100))
    rings = np.stack(
        [edge * s + rng.normal(0, 0.06 * (0.2 < s < 0.9), edge.shape) for s in (0.08, 0.45, 0.78, 1.0)]
    )
    _crumple(c, rng, rings.astype(np.float32), white, 0.42)
    c.fill(edge + np.array([0.3, 0.3], np.float32), (0, 0, 0), opacity=0.3, soft=0.15, inside=True)


def metalware(c: Canvas, rng: Generator) -> None:
    """Draw a frying pan, a pot, a spanner, or spoon and fork."""
    choose(rng, (_pan, _pot, _spanner, _cutlery))(c, rng)


def _steel(rng: Generator) -> Colour:
    value = rng.uniform(0.6, 0.82)
    return hsv(rng.uniform(190, 230), 0.06, value)


def _pan(c: Canvas, rng: Generator) -> None:
    steel, r = _steel(rng), rng.uniform(0.5, 0.6)
    grip = choose(rng, (BLACK, steel))
    handle = ribbon([(0.1, -0.2 + 0.02), (0.95, -0.9 + 0.02)], [0.07, 0.05, 0.07])
    c.fill(handle, cylinder(grip, 0.4, 0.3), turn=-40, ink=shade(grip, 0.4))
    c.fill(ellipse(0.78, -0.755, 0.03, 0.02, -40), (15, 15, 15))
    c.fill(ellipse(-0.2, 0.15, r, r), metal(steel, rng.uniform(0, 6)), turn=30, ink=shade(steel, 0.35))
    c.fill(ellipse(-0.2, 0.15, r * 0.86, r * 0.86), gradient(shade(steel, 0.45), shade(steel, 0.8)), turn=-40)
    c.line(ellipse(-0.2, 0.15, r * 0.86, r * 0.86), 0.014, shade(steel, 0.35), closed=True)
    c.line(ellipse(-0.2, 0.15, r * 0.6, r * 0.6, start=190, end=260), 0.05, WHITE, opacity=0.4, soft=0.02)


def _pot(c: Canvas, rng: Generator) -> None:
    steel, w, h = _steel(rng), rng.uniform(0.55, 0.65), rng.uniform(0.32, 0.5)
    for side in (-1, 1):
        c.line(ellipse(side * (w + 0.04), -h + 0.22, 0.16, 0.09), 0.06, shade(steel, 0.55), closed=True)
    body = np.concatenate(
        [ellipse(0, -h, w, 0.16, start=180, end=360), ellipse(0, h, w * 0.96, 0.16, end=180)]
    )
    c.fill(body, metal(steel, rng.uniform(0, 6)), ink=shade(steel, 0.35))
    if rng.random() < 0.5:
        c.fill(
            ellipse(0, -h - 0.02, w * 1.03, 0.2), gradient(shade(steel, 1.2), shade(steel, 0.7)), ink=BLACK
        )
        c.fill(ellipse(0, -h - 0.1, w * 0.6, 0.1), shade(steel, 1.1), opacity=0.6, soft=0.03)
        c.fill(ellipse(0, -h - 0.2, 0.1, 0.07), ball(BLACK, 0.6), ink=BLACK)
    else:
        c.fill(
            ellipse(0, -h, w, 0.16), gradient(shade(steel, 0.35), shade(steel, 0.8)), ink=shade(steel, 0.3)
        )
        c.line(ellipse(0, -h, w, 0.16), 0.03, shade(steel, 1.25), closed=True)
    c.line(
        ellipse(0, -h + 0.12, w, 0.16, start=0, end=180), 0.02, shade(steel, 0.5), opacity=0.6, inside=True
    )


def _spanner(c: Canvas, rng: Generator) -> None:
    steel = _steel(rng)
    dark = shade(steel, 0.35)
    c.fill(box(-0.1, -0.6, 0.1, 0.6), metal(steel, 2.0), ink=dark)
    c.fill(box(-0.045, -0.4, 0.045, 0.4, 0.04), shade(steel, 0.65), ink=dark)
    for y, turn in ((-0.66, -20.0), (0.66, 160.0)):
        c.fill(ellipse(0, y, 0.27, 0.27), metal(steel, 1.0), turn=40, ink=dark)
        jaw = moved(points([(-0.11, 0.06), (-0.11, -0.4), (0.11, -0.4), (0.11, 0.06), (0, 0.12)]), 0, y, turn)
        c.erase(jaw)
        c.line(jaw[[1, 0, 4, 3, 2]], 0.014, dark, inside=True)
    c.text("12", 0, 0, 0.07, dark, bold=1)


def _cutlery(c: Canvas, rng: Generator) -> None:
    steel = _steel(rng)
    dark = shade(steel, 0.35)
    gap = rng.uniform(0.22, 0.34)
    for x in (-gap, gap):
        c.fill(
            ribbon([(x, -0.3), (x, 0.92)], [0.035, 0.035, 0.05, 0.08, 0.06]), metal(steel, x * 9), ink=dark
        )
    c.fill(ellipse(-gap, -0.58, 0.19, 0.31), ball(steel, 0.7), ink=dark)
    c.fill(ellipse(-gap, -0.56, 0.13, 0.23), gradient(shade(steel, 0.6), shade(steel, 1.2)), opacity=0.8)
    tines = smooth(
        [(gap - 0.17, -0.6), (gap - 0.15, -0.4), (gap, -0.26), (gap + 0.15, -0.4), (gap + 0.17, -0.6)], False
    )
    c.fill(
        np.concatenate([tines, points([(gap + 0.17, -0.93), (gap - 0.17, -0.93)])]),
        metal(steel, 3.0),
        ink=dark,
    )
    for x in (-0.085, 0.0, 0.085):
        c.erase(box(gap + x - 0.022, -0.96, gap + x + 0.022, -0.52, 0.02))
