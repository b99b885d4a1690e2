"""Recyclable waste, but for the containers: hats, newspaper, basketball, paper, metalware.

Each function draws one object of its class, upright, in the middle of the canvas.
"""

from itertools import pairwise

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
    blend,
    box,
    choose,
    cylinder,
    ellipse,
    flat,
    gradient,
    hsv,
    jagged,
    metal,
    moved,
    near,
    points,
    ribbon,
    shade,
    smooth,
    vivid,
    worn,
)


def hat(c: Canvas, rng: Generator) -> None:
    """Draw a baseball cap, a hat with a brim, or a knitted hat."""
    choose(rng, (_cap, _cap, _brimmed_hat, _brimmed_hat, _knitted_hat))(c, rng)


def newspaper(c: Canvas, rng: Generator) -> None:
    """Draw a front page: masthead, columns of print and a photo; often with more pages under it."""
    grey = near(rng, 42, 0.12, 0.86)
    w, h = rng.uniform(0.6, 0.72), rng.uniform(0.8, 0.9)
    for turn in rng.uniform(-9, 9, int(rng.integers(0, 3))):
        c.fill(moved(box(-w, -h, w, h), 0.04, 0.03, turn), shade(grey, 0.85), ink=(90, 90, 90))
    c.fill(box(-w, -h, w, h), worn(rng, flat(grey), 0.05, 6), ink=(80, 80, 80))
    c.text(
        choose(rng, ("DAILY NEWS", "THE TIMES", "CITY POST", "GAZETTE")), (0, -h + 0.15), 0.135, BLACK, bold=3
    )
    c.lines([points([(-w + 0.05, y), (w - 0.05, y)]) for y in (-h + 0.28, -h + 0.31)], 0.012, BLACK, 0.9)
    photo = choose(rng, ((-w + 0.06, -0.45, 0.1, 0.05), (-0.1, -0.2, w - 0.06, 0.3), (-0.3, -0.45, 0.3, 0.0)))
    _print_columns(c, rng, (w, h), photo)
    _photo(c, rng, *photo)
    if rng.random() < 0.5:
        c.line(points([(-w, 0.02), (w, 0.0)]), 0.05, (40, 40, 40), opacity=0.35, inside=True, soft=0.02)


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
        c.text("NBA", (rng.uniform(-0.2, 0.2), rng.uniform(-0.4, 0.4)), 0.14, (30, 30, 40))


def paper(c: Canvas, rng: Generator) -> None:
    """Draw a written sheet with a turned corner, a crumpled one, or a crumpled ball."""
    choose(rng, (_sheet, _sheet, _crumpled_sheet, _paper_ball))(c, rng)


def metalware(c: Canvas, rng: Generator) -> None:
    """Draw a frying pan, a pot, a spanner, or spoon and fork."""
    choose(rng, (_pan, _pot, _spanner, _cutlery))(c, rng)


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
    c.text(choose(rng, ("NY", "A", "LA", "B", "K9")), (0.06, -0.13), 0.24, WHITE, bold=4)


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
        weave += [ellipse(0, y, w, 0.12, arc=(10, 170)) for y in np.linspace(0.2 - tall, 0.02, 6)]
        c.lines(weave, 0.008, dark, 0.35, inside=True)


def _knitted_hat(c: Canvas, rng: Generator) -> None:
    colour, second = vivid(rng), vivid(rng)
    dome = smooth(
        [(-0.58, 0.4), (-0.55, -0.1), (-0.3, -0.5), (0, -0.6), (0.3, -0.5), (0.55, -0.1), (0.58, 0.4)]
    )
    c.fill(dome, ball(colour, 0.0), ink=shade(colour, 0.4))
    for y in (-0.25, -0.05):
        c.line(ellipse(0, y, 0.6, 0.1, arc=(0, 180)), 0.08, second, inside=True)
    stitches = [points([(x * 0.6, -0.5), (x, 0.35)]) for x in np.linspace(-0.5, 0.5, 15)]
    c.lines(stitches, 0.012, shade(colour, 0.5), 0.5, inside=True)
    c.fill(box(-0.64, 0.28, 0.64, 0.58, 0.1), cylinder(second, 0.35, 0.0), ink=shade(second, 0.4))
    c.lines(
        [points([(x, 0.3), (x, 0.56)]) for x in np.linspace(-0.58, 0.58, 18)], 0.015, shade(second, 0.55), 0.7
    )
    c.fill(jagged(ellipse(0, -0.66, 0.2, 0.19), 0.03, rng), ball(WHITE, 0.0), ink=(140, 140, 140))


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


def _steel(rng: Generator) -> Colour:
    value = rng.uniform(0.6, 0.82)
    return hsv(rng.uniform(190, 230), 0.06, value)


def _pan(c: Canvas, rng: Generator) -> None:
    steel, r = _steel(rng), rng.uniform(0.5, 0.6)
    grip = choose(rng, (BLACK, steel))
    handle = ribbon([(0.1, -0.2 + 0.02), (0.95, -0.9 + 0.02)], [0.07, 0.05, 0.07])
    c.fill(handle, Slanted(cylinder(grip, 0.4, 0.3), -40), ink=shade(grip, 0.4))
    c.fill(ellipse(0.78, -0.755, 0.03, 0.02, -40), (15, 15, 15))
    c.fill(ellipse(-0.2, 0.15, r, r), Slanted(metal(steel, rng.uniform(0, 6)), 30), ink=shade(steel, 0.35))
    c.fill(
        ellipse(-0.2, 0.15, r * 0.86, r * 0.86), Slanted(gradient(shade(steel, 0.45), shade(steel, 0.8)), -40)
    )
    c.ring(ellipse(-0.2, 0.15, r * 0.86, r * 0.86), 0.014, shade(steel, 0.35))
    c.line(ellipse(-0.2, 0.15, r * 0.6, r * 0.6, arc=(190, 260)), 0.05, WHITE, opacity=0.4, soft=0.02)


def _pot(c: Canvas, rng: Generator) -> None:
    steel, w, h = _steel(rng), rng.uniform(0.55, 0.65), rng.uniform(0.32, 0.5)
    for side in (-1, 1):
        c.ring(ellipse(side * (w + 0.04), -h + 0.22, 0.16, 0.09), 0.06, shade(steel, 0.55))
    body = np.concatenate(
        [ellipse(0, -h, w, 0.16, arc=(180, 360)), ellipse(0, h, w * 0.96, 0.16, arc=(0, 180))]
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
        c.ring(ellipse(0, -h, w, 0.16), 0.03, shade(steel, 1.25))
    c.line(ellipse(0, -h + 0.12, w, 0.16, arc=(0, 180)), 0.02, shade(steel, 0.5), opacity=0.6, inside=True)


def _spanner(c: Canvas, rng: Generator) -> None:
    steel = _steel(rng)
    dark = shade(steel, 0.35)
    c.fill(box(-0.1, -0.6, 0.1, 0.6), metal(steel, 2.0), ink=dark)
    c.fill(box(-0.045, -0.4, 0.045, 0.4, 0.04), shade(steel, 0.65), ink=dark)
    for y, turn in ((-0.66, -20.0), (0.66, 160.0)):
        c.fill(ellipse(0, y, 0.27, 0.27), Slanted(metal(steel, 1.0), 40), ink=dark)
        jaw = moved(points([(-0.11, 0.06), (-0.11, -0.4), (0.11, -0.4), (0.11, 0.06), (0, 0.12)]), 0, y, turn)
        c.erase(jaw)
        c.line(jaw[[1, 0, 4, 3, 2]], 0.014, dark, inside=True)
    c.text("12", (0, 0), 0.07, dark, bold=1)


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
