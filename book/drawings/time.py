"""Schematics of time: the march through it, nodes, what is kept of the past, and layers as time."""

import itertools

import numpy as np

from drawings.pen import Pen


def march():
    """The triangle of two-time matrices, filled row by row."""
    pen = Pen(
        680,
        260,
        "A lower triangle of squares: rows of the past are known, the row of the "
        "present follows from them, the future is empty.",
    )
    size, left, top = 22, 90, 24
    for t in range(9):
        for s in range(9):
            x, y = left + s * size, top + t * size
            if s > t:
                continue
            kind = "a" if t < 5 else ("b" if t == 5 else "faint")
            pen.box(x + 1, y + 1, size - 2, size - 2, kind, filled=t <= 5, round_=2)
    pen.line(left - 14, top, left - 14, top + 9 * size, "ink", arrow=True)
    pen.text(left - 26, top + 100, "t")
    pen.line(left, top + 9 * size + 14, left + 9 * size, top + 9 * size + 14, "ink", arrow=True)
    pen.text(left + 100, top + 9 * size + 32, "s")
    pen.words(330, 70, "the past: known", "a", at="start")
    pen.line(322, 66, 190, 92, "a", arrow=True)
    pen.words(330, 150, "now: one row from all rows above it", "b", at="start")
    pen.line(322, 146, 226, 146, "b", arrow=True)
    pen.words(330, 205, "the future: nothing there acts on the present", "ink", at="start")
    pen.words(330, 228, "so one sweep solves all equations", "ink", at="start")
    return pen.svg


def layer_time():
    """A field through few layers, through many, and in the limit."""
    pen = Pen(
        680,
        220,
        "The field of one neuron over layers: a few large random steps, many small "
        "ones, and in the limit a Brownian path over layer time from 0 to 1.",
    )
    walk = np.random.default_rng(3).normal(size=256).cumsum() / 16
    walk = np.append(0, walk)
    for k, (layers, name) in enumerate(((4, "L = 4"), (16, "L = 16"), (256, "L = \u221e"))):
        x0 = 40 + 215 * k
        pen.line(x0, 170, x0 + 185, 170, "ink", arrow=True)
        chosen = walk[:: 256 // layers]
        xs = x0 + 170 * np.linspace(0, 1, len(chosen))
        ys = 105 - 38 * chosen
        pen.path("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in zip(xs, ys, strict=True)), "a")
        if layers < 20:
            for x, y in zip(xs, ys, strict=True):
                pen.dot(round(x, 1), round(y, 1), 3, "a")
        pen.text(x0 + 85, 30, name)
        pen.text(x0, 188, "0", small=True)
        pen.text(x0 + 170, 188, "1", small=True)
        pen.text(x0 + 85, 206, "\u03c4 = l/L")
    return pen.svg


def panels_and_nodes():
    """Panels that double in length, each with the same few nodes."""
    pen = Pen(
        680,
        220,
        "A loss curve over time; the axis is cut into panels, each twice as long as "
        "the one before, and each has the same number of nodes.",
    )
    edges = [40, 60, 100, 180, 340, 640]
    nodes = 0.5 - 0.5 * np.cos(np.pi * (np.arange(5) + 0.5) / 5)

    def loss(x):
        return 162 - 118 / (1 + (x - 40) / 60) ** 0.9

    curve = [(x, loss(x)) for x in range(40, 641, 6)]
    pen.path("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in curve), "faint")
    pen.line(40, 170, 655, 170, "ink", arrow=True)
    pen.text(655, 190, "t")
    for k, (a, b) in enumerate(itertools.pairwise(edges)):
        pen.line(a, 40, a, 176, "faint", dashed=True)
        if k % 2:
            pen.box(a, 40, b - a, 130, "band", round_=0)
        for node in nodes:
            x = a + (b - a) * node
            pen.dot(round(x, 1), round(loss(x), 1), 2.6, "a")
            pen.line(round(x, 1), 166, round(x, 1), 174, "a")
    pen.words(490, 206, "each panel twice as long, with as many nodes", "a")
    pen.words(490, 84, "late, nothing changes fast", "ink")
    return pen.svg


def moments_of_the_past():
    """What is kept of the past: single rows near the present, a few moments of blocks before."""
    pen = Pen(
        680,
        200,
        "The axis of time up to now: the last steps are kept one by one, older ones as "
        "blocks, longer the older they are, with a few numbers for each.",
    )
    edges = [40, 300, 430, 495, 528]
    for k, (a, b) in enumerate(itertools.pairwise(edges)):
        pen.box(a + 2, 70, b - a - 4, 46, "faint")
        shown = 4 if b - a > 40 else 3
        for j in range(shown):
            x = (a + b) / 2 + (j - (shown - 1) / 2) * min(16, (b - a) / 6)
            pen.dot(round(x, 1), 93, 3.2, "a")
        if k == 0:
            pen.words((a + b) / 2, 140, "an old block: a few moments", "a")
    for k in range(9):
        pen.box(532 + 12 * k, 70, 9, 46, "b", round_=2)
    pen.words(585, 140, "recent steps: each", "b")
    pen.line(40, 160, 650, 160, "ink", arrow=True)
    pen.text(650, 182, "now")
    pen.words(340, 40, "the older a step, the coarser what is kept of it", "ink")
    return pen.svg


DRAWN = (march, layer_time, panels_and_nodes, moments_of_the_past)
