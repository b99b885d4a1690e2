"""Dry waste, but for the bowl: chopsticks, lighter, broom, mirror, toothbrush, dirty clothes, seashell.

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
    box,
    choose,
    cylinder,
    ellipse,
    flat,
    gradient,
    hsv,
    jagged,
    metal,
    mottled,
    moved,
    near,
    points,
    ribbon,
    shade,
    smooth,
    vivid,
    worn,
)

_CHROME: Colour = (205, 203, 200)


def chopsticks(c: Canvas, rng: Generator) -> None:
    """Draw a pair of plain wooden chopsticks: apart, crossed, still joined, or half in their paper."""
    wood = near(rng, 36, 0.42, 0.85)
    joined = rng.random() < 0.35
    top, low = (0.055, 0.1) if joined else (rng.uniform(0.08, 0.16), rng.uniform(-0.12, 0.22))
    for side in (-1, 1):
        stick = ribbon([(side * top, -0.97), (side * low, 0.97)], [0.055, 0.05, 0.03])
        lean = float(np.degrees(np.arctan2(side * (top - low), 1.94)))
        c.fill(stick, Slanted(worn(rng, cylinder(wood, 0.35, 0.1), 0.04, 24), lean), ink=shade(wood, 0.45))
        for _ in range(3):
            y = rng.uniform(-0.8, 0.5)
            x = side * (top + (low - top) * (y + 0.97) / 1.94) + rng.uniform(-0.02, 0.02)
            c.line(points([(x, y), (x, y + 0.25)]), 0.006, shade(wood, 0.6), opacity=0.7, inside=True)
    if joined:
        c.fill(box(-0.11, -0.98, 0.11, -0.8), cylinder(wood, 0.35, 0.1), ink=shade(wood, 0.45))
        c.line(points([(0, -0.9), (0, -0.6)]), 0.012, shade(wood, 0.4))
    elif abs(low) < 0.2 and rng.random() < 0.5:
        _paper_sleeve(c, rng)


def lighter(c: Canvas, rng: Generator) -> None:
    """Draw a throw-away gas lighter, or a metal one with a lid; some are lit."""
    choose(rng, (_gas_lighter, _gas_lighter, _gas_lighter, _lid_lighter))(c, rng)


def broom(c: Canvas, rng: Generator) -> None:
    """Draw a straw broom or a plastic one, head down."""
    choose(rng, (_straw_broom, _plastic_broom))(c, rng)


def old_mirror(c: Canvas, rng: Generator) -> None:
    """Draw a framed mirror, oval, round or square, with a reflection, spots and often a crack."""
    frame = choose(
        rng, (near(rng, 38, 0.65, 0.65), near(rng, 22, 0.65, 0.4), near(rng, 0, 0.05, 0.75), vivid(rng))
    )
    kind = choose(rng, ("oval", "hand", "square"))
    rx, ry = {"oval": (0.6, 0.84), "hand": (0.52, 0.52), "square": (0.58, 0.78)}[kind]
    cy = -0.36 if kind == "hand" else 0.0
    if kind == "hand":
        c.fill(
            ribbon([(0, 0.1), (0, 0.97)], [0.08, 0.06, 0.1, 0.07]),
            cylinder(frame, 0.35, 0.4),
            ink=shade(frame, 0.4),
        )
    border = 0.12
    outer, glass = (
        (box(-rx, -ry, rx, ry, 0.05), box(-rx + border, -ry + border, rx - border, ry - border))
        if kind == "square"
        else (ellipse(0, cy, rx, ry), ellipse(0, cy, rx - border, ry - border))
    )
    c.fill(outer, Slanted(metal(frame, rng.uniform(0, 6)), 35), ink=shade(frame, 0.3))
    _frame_beads(c, rng, (outer + glass) / 2 if kind != "square" else outer * 0.92, frame)
    _mirror_glass(c, rng, glass, cy)
    c.ring(glass, 0.025, shade(frame, 0.4))


def toothbrush(c: Canvas, rng: Generator) -> None:
    """Draw a toothbrush seen from the side or from above; sometimes with paste on it."""
    colour, second = vivid(rng), choose(rng, (WHITE, vivid(rng)))
    bend = rng.uniform(-0.08, 0.08)
    spine = smooth([(0, 0.96), (0.02 + bend, 0.5), (-0.02, 0.05), (0.03, -0.35), (0, -0.95)], closed=False)
    aside = rng.random() < 0.65
    if aside:
        _tufts_aside(c, rng)
    c.fill(
        ribbon(spine, [0.075, 0.1, 0.09, 0.1, 0.05, 0.045, 0.07, 0.07]),
        cylinder(colour, 0.3, 0.5),
        ink=shade(colour, 0.4),
    )
    grip = spine[6:22]
    c.fill(ribbon(grip, [0.02, 0.055, 0.05, 0.02]), second, ink=shade(second, 0.6))
    c.lines([points([(x - 0.05, y), (x + 0.05, y)]) for x, y in grip[2:-2:2]], 0.012, shade(second, 0.6))
    if not aside:
        _tufts_above(c, rng)


def dirty_clothes(c: Canvas, rng: Generator) -> None:
    """Draw a stained T-shirt, shirt or pair of trousers."""
    choose(rng, (_t_shirt, _t_shirt, _shirt, _trousers))(c, rng)


def seashell(c: Canvas, rng: Generator) -> None:
    """Draw a scallop or a spiral shell."""
    choose(rng, (_scallop, _scallop, _whelk))(c, rng)


def _paper_sleeve(c: Canvas, rng: Generator) -> None:
    """Draw the paper that covers the lower half of a pair."""
    red = choose(rng, (near(rng, 0, 0.8, 0.75), vivid(rng)))
    c.fill(box(-0.23, 0.1, 0.23, 0.98), worn(rng, flat(WHITE), 0.03, 5), ink=(120, 120, 120))
    c.fill(box(-0.23, 0.2, 0.23, 0.36), red, inside=True)
    for y in (0.5, 0.66, 0.82):
        frame = moved(box(-0.07, -0.05, 0.07, 0.05), 0, y)
        c.lines([frame[[0, 1, 2, 3, 0]], points([(0, y - 0.07), (0, y + 0.07)])], 0.016, red)


def _flame(c: Canvas, x: float, y: float) -> None:
    outer = smooth(
        [(x, y - 0.38), (x + 0.1, y - 0.12), (x + 0.05, y + 0.02), (x - 0.05, y + 0.02), (x - 0.1, y - 0.12)]
    )
    inner = (outer - (x, y)) * 0.55 + np.array([x, y], np.float32)
    c.fill(outer, gradient((40, 150, 255), (60, 200, 255)), opacity=0.9, soft=0.012)
    c.fill(inner.astype(np.float32), gradient((190, 250, 255), (255, 170, 60)), opacity=0.9, soft=0.01)


def _gas_lighter(c: Canvas, rng: Generator) -> None:
    colour, w = vivid(rng), rng.uniform(0.2, 0.25)
    dark = shade(colour, 0.4)
    if rng.random() < 0.4:
        _flame(c, -0.06, -0.74)
    c.fill(box(-w, -0.3, w, 0.88, 0.07), cylinder(colour, 0.3, 0.6), opacity=0.88, ink=dark)
    level = rng.uniform(-0.1, 0.5)
    c.fill(box(-w * 0.8, level, w * 0.8, 0.8, 0.05), shade(colour, 0.7), opacity=0.4, inside=True)
    c.line(points([(-w * 0.8, level), (w * 0.8, level)]), 0.012, WHITE, opacity=0.6)
    c.line(points([(0.03, -0.25), (0.03, 0.75)]), 0.025, shade(colour, 1.4), opacity=0.5)
    c.fill(
        points([(-w * 0.9, -0.3), (-w * 0.9, -0.68), (0.02, -0.72), (0.05, -0.3)]),
        metal(_CHROME, 1.0),
        ink=(60, 60, 60),
    )
    c.fill(ellipse(-w * 0.45, -0.52, 0.035, 0.05), (40, 40, 40))
    button = choose(rng, (BLACK, (40, 40, 200)))
    c.fill(points([(0.06, -0.3), (0.05, -0.5), (w + 0.06, -0.55), (w, -0.3)]), button, ink=(15, 15, 15))
    c.fill(ellipse(0.08, -0.63, 0.12, 0.12), metal((140, 140, 140), 3.0), ink=(30, 30, 30))
    teeth = [moved(points([(0.07, 0), (0.115, 0)]), 0.08, -0.63, a) for a in range(0, 360, 24)]
    c.lines(teeth, 0.014, (40, 40, 40))


def _lid_lighter(c: Canvas, rng: Generator) -> None:
    steel = choose(rng, (_CHROME, near(rng, 40, 0.5, 0.75)))
    dark = shade(steel, 0.35)
    if rng.random() < 0.6:
        _flame(c, -0.02, -0.42)
    lid = moved(box(-0.32, -0.2, 0.32, 0.2, 0.06), 0.6, -0.52, 65)
    c.fill(lid, Slanted(metal(steel, 2.0), 65), ink=dark)
    c.fill(box(-0.16, -0.42, 0.16, -0.02), metal(shade(_CHROME, 0.8), 1.0), ink=(50, 50, 50))
    c.dots(points([(x, y) for x in (-0.09, 0.0, 0.09) for y in (-0.32, -0.2)]), 0.025, (30, 30, 30))
    c.fill(ellipse(0.22, -0.16, 0.1, 0.1), metal((130, 130, 130), 3.0), ink=(30, 30, 30))
    c.fill(box(-0.32, -0.1, 0.32, 0.85, 0.06), metal(steel, rng.uniform(0, 6)), ink=dark)
    c.ring(ellipse(0, 0.4, 0.16, 0.2), 0.02, dark, opacity=0.6)
    c.text(choose(rng, ("Z", "R", "M")), (0, 0.4), 0.18, dark)


def _handle(c: Canvas, rng: Generator, low: float) -> None:
    colour = choose(rng, (near(rng, 32, 0.5, 0.75), vivid(rng), _CHROME))
    c.fill(box(-0.035, -1.0, 0.035, low, 0.03), cylinder(colour, 0.35, 0.4), ink=shade(colour, 0.4))


def _bristles(
    c: Canvas, rng: Generator, top: tuple[float, float], low: tuple[float, float], colour: Colour
) -> None:
    """Many hairs from a line (half width, y) at the top to one at the bottom."""
    outline = points([(-top[0], top[1]), (top[0], top[1]), (low[0], low[1]), (-low[0], low[1])])
    c.fill(outline, mottled(rng, shade(colour, 0.75), 0.08, 16))
    for light in (0.5, 0.7, 1.0, 1.2):
        share = rng.uniform(-1, 1, 45)
        end = low[1] + rng.uniform(-0.06, 0.06, 45)
        hairs = [
            points([(s * top[0], top[1]), (s * low[0] + 0.02, y)]) for s, y in zip(share, end, strict=True)
        ]
        c.lines(hairs, 0.014, shade(colour, light), 0.9)


def _straw_broom(c: Canvas, rng: Generator) -> None:
    straw = near(rng, 42, 0.55, 0.8)
    _handle(c, rng, 0.05)
    spread = rng.uniform(0.38, 0.55)
    _bristles(c, rng, (0.1, 0.0), (spread, 0.92), straw)
    c.fill(
        points([(-0.05, -0.15), (0.05, -0.15), (0.13, 0.12), (-0.13, 0.12)]), mottled(rng, shade(straw, 0.8))
    )
    thread = vivid(rng)
    for y in (-0.08, 0.05, 0.3, 0.42):
        w = 0.07 + max(0.0, y) * spread + 0.03
        c.line(smooth([(-w, y), (0, y + 0.03), (w, y)], closed=False), 0.028, thread)


def _plastic_broom(c: Canvas, rng: Generator) -> None:
    block, hair = vivid(rng), choose(rng, (vivid(rng), near(rng, 120, 0.5, 0.7), BLACK))
    _handle(c, rng, 0.35)
    w = rng.uniform(0.45, 0.58)
    _bristles(c, rng, (w * 0.95, 0.5), (w * 1.2, 0.94), hair)
    back = smooth([(-w, 0.54), (-w * 0.9, 0.36), (-0.1, 0.27), (0.1, 0.27), (w * 0.9, 0.36), (w, 0.54)])
    c.fill(back, gradient(shade(block, 1.15), shade(block, 0.7)), ink=shade(block, 0.4))
    c.fill(box(-0.07, 0.06, 0.07, 0.34, 0.03), cylinder(block), ink=shade(block, 0.4))


def _frame_beads(c: Canvas, rng: Generator, path: Points, frame: Colour) -> None:
    """Carved beads along the frame, on half of the mirrors."""
    if rng.random() < 0.5:
        return
    closed = np.concatenate([path, path[:1]])
    run = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    at = np.linspace(0, run[-1], 32, endpoint=False)
    beads = np.stack([np.interp(at, run, closed[:, 0]), np.interp(at, run, closed[:, 1])], 1)
    c.dots(points(beads), 0.045, shade(frame, 0.55))
    c.dots(points(beads - 0.01), 0.03, shade(frame, 1.35))


def _mirror_glass(c: Canvas, rng: Generator, glass: Points, cy: float) -> None:
    """Silvery glass: slanting reflections, dark spots from the edge, cracks."""
    silver = near(rng, 205, 0.14, 0.78)
    layer = Canvas(c.size)
    layer.fill(glass, Slanted(gradient(shade(silver, 1.25), shade(silver, 0.6)), -30))
    for x in rng.uniform(-0.4, 0.4, 3):
        strip = points([(x, cy - 1), (x + 0.13, cy - 1), (x - 0.5, cy + 1), (x - 0.63, cy + 1)])
        layer.fill(strip, WHITE, opacity=0.5, inside=True)
    edge = glass[rng.permutation(len(glass))[:4]]
    for x, y in edge:
        spot = jagged(ellipse(float(x), float(y), 0.09, 0.12)[::4], 0.03, rng)
        layer.fill(spot, (60, 75, 85), opacity=0.6, inside=True, soft=0.02)
    if rng.random() < 0.6:
        hit = moved(rng.uniform(-0.2, 0.2, 2), 0, cy)
        for angle in rng.uniform(0, 2 * np.pi, 6):
            way = np.linspace(0, 1.2, 6)[:, None] * np.array([np.cos(angle), np.sin(angle)])
            crack = jagged(hit + way, 0.03, rng)
            layer.line(crack, 0.014, (50, 50, 50), inside=True)
            layer.line(crack + np.float32(0.012), 0.008, WHITE, inside=True)
    c.stamp(layer)


def _tufts_aside(c: Canvas, rng: Generator) -> None:
    hair = choose(rng, (WHITE, near(rng, 205, 0.4, 0.9)))
    tip = choose(rng, (hair, vivid(rng)))
    for y in np.arange(-0.9, -0.42, 0.075):
        long = rng.uniform(0.26, 0.3)
        c.fill(box(0.02, y, long, y + 0.062, 0.01), gradient(hair, shade(hair, 0.85)), ink=(110, 110, 110))
        c.fill(box(long - 0.08, y, long, y + 0.062, 0.01), tip, opacity=0.9)
    if rng.random() < 0.35:
        paste = smooth([(0.28, -0.88), (0.4, -0.8), (0.34, -0.68), (0.41, -0.58), (0.28, -0.48)])
        c.fill(paste, ball((235, 245, 235), 0.6), ink=(190, 170, 120))


def _tufts_above(c: Canvas, rng: Generator) -> None:
    hair = choose(rng, (WHITE, near(rng, 205, 0.4, 0.9), vivid(rng)))
    c.fill(box(-0.13, -0.97, 0.13, -0.42, 0.1), WHITE, ink=(100, 100, 100))
    for y in np.arange(-0.9, -0.45, 0.09):
        for x in (-0.075, 0.0, 0.075):
            colour = hair if abs(x) > 0.01 else shade(hair, 0.75)
            c.fill(ellipse(x, y, 0.034, 0.038), ball(colour, 0.2), ink=(110, 110, 110))


def _cloth_colour(rng: Generator) -> Colour:
    return choose(
        rng, (near(rng, rng.uniform(0, 360), 0.08, 0.85), near(rng, rng.uniform(0, 360), 0.5, 0.65))
    )


def _dirt(c: Canvas, rng: Generator, colour: Colour) -> None:
    """Folds in the cloth, and stains of mud and grease."""
    for _ in range(6):
        x, y = rng.uniform(-0.35, 0.35), rng.uniform(-0.6, 0.6)
        fold = smooth(
            [(x, y), (x + rng.uniform(-0.1, 0.1), y + 0.2), (x + rng.uniform(-0.2, 0.2), y + 0.45)], False
        )
        c.line(fold, 0.05, shade(colour, 0.6), opacity=0.6, inside=True, soft=0.02)
        c.line(fold + np.float32(0.04), 0.03, shade(colour, 1.25), opacity=0.5, inside=True, soft=0.015)
    for _ in range(int(rng.integers(3, 7))):
        mud = hsv(rng.uniform(20, 45), rng.uniform(0.5, 0.8), rng.uniform(0.2, 0.45))
        x, y, r = rng.uniform(-0.45, 0.45), rng.uniform(-0.6, 0.75), rng.uniform(0.06, 0.2)
        blot = smooth(jagged(ellipse(x, y, r, r * rng.uniform(0.6, 1.2))[:-1:5], r * 0.35, rng))
        c.fill(blot, mud, opacity=rng.uniform(0.55, 0.85), inside=True, soft=0.008)
        specks = moved(rng.normal(0, r * 1.2, (8, 2)), x, y)
        c.dots(specks, 0.016, mud, 0.8)


def _t_shirt(c: Canvas, rng: Generator) -> None:
    colour = _cloth_colour(rng)
    dark = shade(colour, 0.4)
    half = [(0.16, -0.74), (0.38, -0.7), (0.92, -0.38), (0.76, -0.06), (0.5, -0.24), (0.5, 0.82)]
    outline = points(half + [(-x, y) for x, y in half[::-1]])
    c.fill(jagged(outline, 0.02, rng), mottled(rng, colour, 0.05, 8), ink=dark)
    if rng.random() < 0.4:
        stripe = vivid(rng)
        c.lines(
            [points([(-0.5, y), (0.5, y)]) for y in np.arange(-0.1, 0.7, 0.2)],
            0.07,
            stripe,
            0.85,
            inside=True,
        )
    c.fill(ellipse(0, -0.74, 0.17, 0.14, arc=(0, 180)), shade(colour, 0.35))
    c.line(ellipse(0, -0.74, 0.19, 0.17, arc=(0, 180)), 0.04, shade(colour, 0.75))
    c.lines([points([(s * 0.5, -0.24), (s * 0.4, -0.62)]) for s in (-1, 1)], 0.014, dark, 0.8)
    _dirt(c, rng, colour)


def _shirt(c: Canvas, rng: Generator) -> None:
    colour = _cloth_colour(rng)
    dark = shade(colour, 0.4)
    half = [(0.12, -0.76), (0.42, -0.66), (0.68, 0.0), (0.84, 0.58), (0.64, 0.66), (0.46, 0.05), (0.44, 0.84)]
    c.fill(points(half + [(-x, y) for x, y in half[::-1]]), mottled(rng, colour, 0.05, 8), ink=dark)
    c.lines([points([(s * 0.46, 0.05), (s * 0.42, -0.4)]) for s in (-1, 1)], 0.014, dark, 0.8)
    c.line(points([(0, -0.6), (0, 0.84)]), 0.05, shade(colour, 0.8))
    _dirt(c, rng, colour)
    c.dots(points([(0, y) for y in np.arange(-0.4, 0.8, 0.22)]), 0.028, dark)
    for s in (-1, 1):
        flap = points([(0, -0.58), (s * 0.2, -0.44), (s * 0.26, -0.7), (s * 0.12, -0.82)])
        c.fill(flap, shade(colour, 1.1), ink=dark)


def _trousers(c: Canvas, rng: Generator) -> None:
    colour = choose(rng, (near(rng, 218, 0.55, 0.5), near(rng, 35, 0.35, 0.6), near(rng, 0, 0.05, 0.35)))
    dark = shade(colour, 0.4)
    half = [(0.38, -0.86), (0.46, -0.4), (0.52, 0.9), (0.16, 0.9), (0.0, -0.2)]
    c.fill(points(half + [(-x, y) for x, y in half[-2::-1]]), mottled(rng, colour, 0.07, 10), ink=dark)
    c.fill(box(-0.39, -0.9, 0.39, -0.76), shade(colour, 0.85), ink=dark)
    c.line(points([(0, -0.76), (0, -0.2)]), 0.014, dark)
    for s in (-1, 1):
        c.line(smooth([(s * 0.2, -0.75), (s * 0.26, -0.6), (s * 0.42, -0.55)], False), 0.018, (90, 160, 200))
    _dirt(c, rng, colour)


def _shell_colour(rng: Generator) -> Colour:
    return choose(
        rng,
        (
            near(rng, 20, 0.35, 0.9),
            near(rng, 350, 0.3, 0.88),
            near(rng, 40, 0.2, 0.9),
            near(rng, 15, 0.6, 0.8),
        ),
    )


def _scallop(c: Canvas, rng: Generator) -> None:
    colour, ribs = _shell_colour(rng), int(rng.integers(9, 14))
    dark, wide = shade(colour, 0.45), rng.uniform(62, 74)
    hinge = np.array([0, 0.68], np.float32)
    angle = np.radians(np.linspace(-wide, wide, ribs * 8 + 1))
    reach = (1.3 - 0.32 * (np.abs(angle) / np.radians(wide)) ** 2) * (
        1 + 0.03 * np.abs(np.sin(np.linspace(0, ribs * np.pi, len(angle))))
    )
    rim = np.stack([np.sin(angle) * reach * 0.82, -np.cos(angle) * reach], 1) + hinge
    c.fill(points([(-0.3, 0.56), (0.3, 0.56), (0.22, 0.84), (-0.22, 0.84)]), shade(colour, 0.8), ink=dark)
    c.fill(points([*rim, hinge]), gradient(colour, shade(colour, 0.75)), ink=dark)
    for share, light in ((0.94, 0.72), (0.8, 1.12), (0.66, 0.8), (0.5, 1.12), (0.34, 0.75)):
        ring = hinge + (rim - hinge) * share
        c.line(points(ring), 0.05, shade(colour, light), opacity=0.6, inside=True, soft=0.012)
    for i in range(ribs + 1):
        c.line(points([hinge, rim[i * 8]]), 0.022, dark, opacity=0.65, inside=True)
    for i in range(ribs):
        c.line(
            points([hinge, hinge + (rim[i * 8 + 4] - hinge) * 0.97]),
            0.03,
            shade(colour, 1.3),
            opacity=0.5,
            inside=True,
        )


def _whelk(c: Canvas, rng: Generator) -> None:
    colour = _shell_colour(rng)
    dark = shade(colour, 0.4)
    c.fill(smooth([(-0.5, -0.02), (0.55, -0.1), (0.5, 0.35), (0.1, 0.97), (-0.02, 0.95), (-0.3, 0.5)]),
           cylinder(colour, 0.35, 0.2), ink=dark)  # fmt: skip
    mouth = smooth([(0.2, 0.0), (0.42, 0.15), (0.36, 0.45), (0.12, 0.85), (0.04, 0.5), (0.1, 0.15)])
    c.fill(mouth, gradient(shade(colour, 0.5), near(rng, 10, 0.35, 0.85)), ink=dark)
    y, w = -0.04, 0.52
    whorls = []
    for _ in range(6):
        whorls.append((y, w))
        y -= w * 0.34
        w *= 0.72
    for y, w in whorls[::-1]:
        c.fill(ellipse(0.02, y, w, w * 0.42, -8), cylinder(colour, 0.35, 0.25), ink=dark)
        c.line(
            ellipse(0.02, y + w * 0.06, w * 0.97, w * 0.4, -8, arc=(10, 170)),
            0.03,
            shade(colour, 0.65),
            opacity=0.6,
        )
    for x, low in ((-0.3, 0.35), (-0.18, 0.55), (-0.06, 0.75)):
        c.line(
            smooth([(x, 0.12), (x + 0.05, low * 0.6), (x + 0.12, low)], False),
            0.03,
            shade(colour, 0.65),
            opacity=0.6,
        )
