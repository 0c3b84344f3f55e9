"""Schematics of networks: their vectors, their matrices, their outputs."""

import itertools
import math

import numpy as np

from drawings.pen import Pen


def up_and_down():
    """One vector goes down the layers, one comes up."""
    pen = Pen(
        680,
        230,
        "The error signal goes forward through all layers as h, the readout comes "
        "back through them as g; each matrix changes by the outer product of the two at it.",
    )
    places = [70, 230, 390, 550]
    tall = [120, 84, 84, 84]
    names = ["0", "1", "2", "L"]
    for x, height, name in zip(places, tall, names, strict=True):
        pen.box(x - 22, 115 - height / 2, 14, height, "a")
        pen.text(x - 15, 115 - height / 2 - 9, f"h^{name}", "a")
        pen.box(x + 6, 115 - height / 2, 14, height, "b")
        pen.text(x + 13, 115 + height / 2 + 19, f"g^{name}", "b")
    for k, (x, there) in enumerate(itertools.pairwise(places)):
        middle = (x + there) / 2
        pen.line(x + 30, 88, there - 32, 88, "a", arrow=True)
        pen.line(there - 32, 142, x + 30, 142, "b", arrow=True)
        name = f"W^{k}" if k < 2 else "\u22ef"
        pen.text(middle, 120, name)
    pen.text(620, 120, "w")
    pen.line(606, 142, 580, 142, "b", arrow=True)
    pen.text(150, 215, "dW^0 \u221d g^1 h^0 \u1d40")
    pen.text(310, 215, "dW^1 \u221d g^2 h^1 \u1d40")
    pen.words(24, 24, "down: the error signal u = h\u2070", "a", at="start")
    pen.words(656, 24, "up: the readout w = g\u1d38", "b", at="end")
    return pen.svg


def cavity():
    """One row is taken out of a random matrix."""
    pen = Pen(
        680,
        240,
        "A matrix A without one row acts on the others; the row that was taken out "
        "sees an independent field, and feels its own echo through all others.",
    )
    for k in range(7):
        y = 40 + 24 * k + (14 if k > 3 else 0) - (14 if k < 3 else 0)
        pen.box(60, y, 200, 16, "b" if k == 3 else "faint")
    pen.text(160, 20, "A", "ink")
    pen.text(45, 125, "i", "b", at="end")
    pen.line(262, 120, 376, 120, "b", arrow=True)
    pen.box(384, 100, 84, 40, "b")
    pen.text(426, 125, "a_i", "b")
    pen.path("M468 110C525 60 560 60 590 92", "b", arrow=True)
    pen.box(560, 98, 84, 44, "faint")
    pen.text(602, 125, "p", "ink")
    pen.path("M590 148C560 190 480 195 430 148", "b", arrow=True, dashed=True)
    pen.words(268, 100, "without the row:", "b", at="start")
    pen.words(268, 148, "Gaussian noise \u03be", "b", at="start")
    pen.words(505, 212, "its own echo: response times what it did", "b")
    pen.words(160, 232, "all other rows, which do not know it", "ink")
    return pen.svg


def two_scalings():
    """How features move in the two parameterizations."""
    pen = Pen(
        680,
        250,
        "In NTK scaling the features of a wide network turn by an angle that vanishes; "
        "in mean-field scaling they turn by an angle of order one.",
    )
    for x, name, angle, kind in ((60, "NTK", 4, "a"), (390, "mean-field", 34, "b")):
        pen.words(x + 110, 22, name)
        start = (x + 10, 200)
        for turn, dashed in ((0, True), (angle, False)):
            a = math.radians(20 + turn)
            end = start[0] + 165 * math.cos(a), start[1] - 165 * math.sin(a)
            pen.line(
                *start,
                round(end[0], 1),
                round(end[1], 1),
                "faint" if dashed else kind,
                arrow=True,
                dashed=dashed,
            )
            if dashed:
                pen.text(end[0] + 8, end[1] + 14, "h(0)", "faint", at="start")
            else:
                pen.text(end[0] + 6, end[1] - 10, "h(t)", kind, at="start")
    pen.text(170, 235, "f = w\u00b7h / (c \u221aN)")
    pen.text(500, 235, "f = w\u00b7h \u221aD / (\u03b3_0 N)")
    pen.words(170, 215, "the angle falls as 1/\u221aN", "a")
    pen.words(500, 215, "the angle stays", "b")
    pen.line(345, 30, 345, 235, "faint", dashed=True)
    return pen.svg


def residual_stream():
    """The residual stream and its branches."""
    pen = Pen(
        680,
        210,
        "A stream runs straight through all layers; at each layer a branch reads from "
        "it, multiplies by a random matrix, and adds a small amount.",
    )
    pen.line(40, 140, 640, 140, "a", arrow=True)
    pen.text(28, 145, "h^1", "a", at="end")
    pen.text(652, 145, "h^L", "a", at="start")
    for k in range(4):
        x = 110 + 130 * k
        pen.dot(x, 140, 4, "a")
        pen.path(f"M{x} 140C{x} 100 {x + 8} 80 {x + 22} 80", "b", arrow=True)
        pen.box(x + 24, 62, 44, 36, "b")
        pen.text(x + 46, 86, f"W^{k + 1}", "b")
        pen.path(f"M{x + 68} 80C{x + 84} 80 {x + 90} 100 {x + 90} 130", "b", arrow=True)
        pen.dot(x + 90, 140, 8, "paper")
        pen.text(x + 90, 145, "+", "b")
        pen.text(x + 112, 108, "\u03b2_0/\u221aL", "b", small=True) if k == 3 else None
    pen.words(340, 30, "each branch: random, small, its own", "b")
    pen.words(340, 190, "the stream: every layer reads and writes the same sites", "a")
    return pen.svg


def spike():
    """Singular values of each layer: a bulk that stays, and one that leaves it."""
    pen = Pen(
        680,
        210,
        "In each layer the singular values form a bulk that does not move, and one "
        "singular value leaves it and grows with time.",
    )
    for k in range(3):
        x0 = 30 + 225 * k
        pen.line(x0, 150, x0 + 195, 150, "ink", arrow=True)
        xs = np.linspace(0, 1, 40)
        heights = 70 * np.sqrt(np.clip(xs * (1 - xs) * 4, 0, 1))
        top = "".join(
            f"L{x0 + 10 + 90 * x:.1f} {150 - h:.1f}" for x, h in zip(xs, heights, strict=True)
        )
        if k < 2:  # the readout is a vector: one value, and no bulk
            pen.path(f"M{x0 + 10} 150{top}Z", "faint", filled=True)
        for at, faded in ((108, True), (168, False)):
            kind = "faint" if faded else "b"
            pen.line(x0 + at, 150, x0 + at, 96, kind)
            pen.dot(x0 + at, 96, 4, kind)
        pen.path(f"M{x0 + 108} 84C{x0 + 120} 72 {x0 + 150} 72 {x0 + 164} 84", "b", arrow=True)
        pen.text(x0 + 95, 192, ("W^0", "W^1", "w")[k])
        pen.text(x0 + 176, 92, "s(t)", "b", at="start", small=True)
    pen.words(85, 172, "bulk: initial weights", "ink")
    pen.words(340, 24, "the same direction grows in every layer, balanced", "b")
    return pen.svg


def rotation():
    """Two outputs, and the principal outputs that learn by themselves."""
    pen = Pen(
        680,
        240,
        "Two outputs are learned as their principal combinations: the axes are turned, "
        "and along each the network learns at its own speed.",
    )
    for x, turned in ((150, False), (510, True)):
        y = 116
        for angle in (0, 90):
            a = math.radians(angle)
            dx, dy = 95 * math.cos(a), -88 * math.sin(a)
            pen.line(x - dx, y - dy, x + dx, y + dy, "faint", arrow=True)
        pen.parts.append(
            f'<ellipse cx="{x}" cy="{y}" rx="84" ry="34" transform="rotate(-35 {x} {y})" '
            'class="s-line s-ink"/>'
        )
        if turned:
            for angle, kind, length, name in ((35, "a", 84, "s_1"), (125, "b", 34, "s_2")):
                a = math.radians(angle)
                ex, ey = x + length * math.cos(a), y - length * math.sin(a)
                pen.line(x, y, round(ex, 1), round(ey, 1), kind, arrow=True)
                pen.text(ex + (12 if angle < 90 else -10), ey - 6, name, kind)
        pen.text(x + 108, y + 5, "y_1")
        pen.text(x, y - 95, "y_2")
    pen.line(290, 116, 370, 116, "ink", arrow=True)
    pen.words(330, 104, "rotate")
    pen.words(150, 232, "outputs, correlated")
    pen.words(510, 232, "principal outputs: strong first, weak later")
    return pen.svg


DRAWN = (up_and_down, cavity, two_scalings, residual_stream, spike, rotation)
