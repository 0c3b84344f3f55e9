"""Schematics of training: what closes the loop, what a sample remembers, shapes, the ceiling, data."""

from drawings.pen import Pen


def closed_loop():
    """From the error to the residuals, through the layers, and back."""
    pen = Pen(
        680,
        250,
        "A loop: the error of the weights gives residuals on the data, these give the error "
        "signal, which goes forward through the layers; the readout comes back and gives the error.",
    )
    for x, name, words in (
        (30, "v", "weight error"),
        (200, "\u0394", "residuals"),
        (370, "u", "error signal"),
    ):
        pen.box(x, 30, 110, 54, "ink", filled=False)
        pen.text(x + 55, 54, name)
        pen.words(x + 55, 74, words)
    pen.line(140, 57, 194, 57, "a", arrow=True)
    pen.words(167, 47, "X", "a")
    pen.line(310, 57, 364, 57, "a", arrow=True)
    pen.text(338, 47, "X\u1d40", "a")
    for k, name in enumerate(("1", "2", "L")):
        x = 430 - 150 * k
        pen.box(x, 160, 110, 60, "a")
        pen.text(x + 32, 196, f"h^{name}", "a")
        pen.text(x + 78, 196, f"g^{name}", "b")
        if k < 2:
            pen.line(x - 4, 178, x - 34, 178, "a", arrow=True)
            pen.line(x - 34, 204, x - 4, 204, "b", arrow=True)
    pen.path("M480 57C560 57 600 120 545 172", "a", arrow=True)
    pen.path("M545 206C660 230 660 10 500 12C300 12 200 2 90 24", "b", arrow=True)
    pen.text(590, 120, "W^0", "a", at="start")
    pen.words(60, 180, "each arrow:", at="middle")
    pen.words(60, 198, "noise and", at="middle")
    pen.words(60, 216, "response", at="middle")
    return pen.svg


def used_sample():
    """A sample that is used again meets what it has done; a fresh one does not."""
    pen = Pen(
        680,
        230,
        "A sample of the training set pushes the weights at an early step and finds the answer to "
        "its push at a later step; a fresh sample finds only what others have done.",
    )
    for x, name in ((130, "s"), (430, "t")):
        pen.line(x, 196, x, 204, "ink")
        pen.text(x, 222, name)
    pen.line(60, 200, 640, 200, "ink", arrow=True)
    pen.box(96, 40, 68, 36, "b")
    pen.text(130, 64, "\u0394_\u03bc(s)", "b")
    pen.line(130, 80, 130, 132, "b", arrow=True)
    pen.words(142, 110, "pushes u", "b", at="start")
    pen.box(60, 138, 560, 34, "faint")
    pen.text(340, 160, "v: weights in training")
    pen.line(430, 134, 430, 82, "b", arrow=True)
    pen.text(442, 114, "R_{vu}(t,s)/\u03b1", "b", at="start")
    pen.box(396, 40, 68, 36, "b")
    pen.text(430, 64, "\u0394_\u03bc(t)", "b")
    pen.path("M166 54C240 20 330 20 392 54", "b", arrow=True, dashed=True)
    pen.words(280, 20, "the same sample: its own echo", "b")
    pen.box(560, 40, 68, 36, "a")
    pen.text(594, 64, "\u0394_{new}(t)", "a")
    pen.line(594, 134, 594, 82, "a", arrow=True)
    pen.words(634, 28, "a fresh sample: no echo", "a", at="end")
    return pen.svg


def shapes():
    """Networks of equal size, narrow at the first, a middle, or the last layer."""
    pen = Pen(
        680,
        220,
        "Three networks with a narrow layer: the first, a middle one, or the last; the other "
        "layers are wider in exchange.",
    )
    for k, (name, narrow) in enumerate((("first", 0), ("middle", 1), ("last", 2))):
        x0 = 45 + 220 * k
        pen.box(x0, 60, 12, 90, "ink", filled=False)
        for layer in range(3):
            tall = 40 if layer == narrow else 116
            kind = "b" if layer == narrow else "a"
            x = x0 + 40 + 42 * layer
            pen.box(x, 105 - tall / 2, 16, tall, kind)
            pen.line(x - 24, 105, x - 6, 105, "faint", arrow=True)
        pen.line(x0 + 144, 105, x0 + 164, 105, "faint", arrow=True)
        pen.dot(x0 + 172, 105, 5, "ink")
        pen.words(x0 + 85, 24, f"narrow {name} layer", "b")
    pen.words(340, 192, "D inputs, three layers, one output; as many parameters in each")
    return pen.svg


def ceiling():
    """A step in a valley that is flat enough, and in one that is too sharp."""
    pen = Pen(
        680,
        250,
        "Two parabolas and the steps of gradient descent on them: below the ceiling the steps "
        "come to rest, above it each lands higher than the one before.",
    )
    for x0, sharp, factor, start, kind, words in (
        (170, 0.006, -0.6, 130, "a", "\u03bb < 2/\u03b7: comes to rest"),
        (510, 0.021, -1.25, 26, "b", "\u03bb > 2/\u03b7: climbs"),
    ):
        wide = (155 / sharp) ** 0.5
        points = [x0 + wide * (k / 20 - 1) for k in range(41)]
        valley = "L".join(f"{x:.1f} {190 - sharp * (x - x0) ** 2:.1f}" for x in points)
        pen.path(f"M{valley}", "ink")
        at = start
        for _ in range(5):
            to = at * factor
            y, there = 190 - sharp * at**2, 190 - sharp * to**2
            pen.dot(round(x0 + at, 1), round(y, 1), 4, kind)
            pen.line(
                round(x0 + at, 1), round(y, 1), round(x0 + to, 1), round(there, 1), kind, arrow=True
            )
            at = to
        pen.text(x0, 228, words, kind)
    pen.words(340, 20, "each step multiplies the deviation by 1 \u2212 \u03b7\u03bb")
    return pen.svg


def from_data():
    """From images and labels to the numbers that the theory asks for."""
    pen = Pen(
        680,
        200,
        "Images and labels give a covariance and a regression; these give variances, weights and "
        "noise; these give learning curves, before a network is trained.",
    )
    pen.box(20, 60, 120, 80, "ink", filled=False)
    for k in range(12):
        pen.box(34 + 16 * (k % 6), 74 + 16 * (k // 6), 12, 12, "a" if k % 5 else "faint", round_=1)
    pen.words(80, 128, "images, labels")
    pen.line(146, 84, 196, 70, "a", arrow=True)
    pen.line(146, 116, 196, 130, "b", arrow=True)
    pen.box(202, 46, 130, 44, "a")
    pen.words(267, 73, "covariance", "a")
    pen.box(202, 110, 130, 44, "b")
    pen.words(267, 137, "least squares", "b")
    pen.line(338, 68, 388, 84, "a", arrow=True)
    pen.line(338, 132, 388, 116, "b", arrow=True)
    pen.box(394, 70, 110, 60, "faint")
    pen.text(449, 106, "\u03bb_k, w_k, \u03c3^2")
    pen.line(510, 100, 556, 100, "ink", arrow=True)
    pen.line(562, 140, 662, 140, "ink", arrow=True)
    pen.line(562, 140, 562, 50, "ink")
    pen.path("M566 58C580 110 600 120 655 112", "b")
    pen.path("M566 58C580 120 600 134 655 136", "b", dashed=True)
    pen.words(612, 160, "test, training loss")
    pen.words(340, 190, "nothing is fitted to a trained network")
    return pen.svg


DRAWN = (closed_loop, used_sample, shapes, ceiling, from_data)
