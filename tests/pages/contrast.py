"""Contrast of a figure as the reader sees it, from the pixels of a screenshot."""

import numpy as np
from matplotlib.colors import rgb_to_hsv

LINE, TEXT = 3.0, 7.0
"""Least contrast of lines and markers (WCAG 2.1, criterion 1.4.11) and of axes and text."""


def luminance(pixels):
    """Relative luminance of sRGB values in [0, 255], shape [..., 3]."""
    c = np.asarray(pixels, float) / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrasts(pixels):
    """Contrast of the axes and of each hue of a picture [height, width, 3] to its background.

    Edges of lines are mixed with the background, so a hue counts with the 95th percentile of its
    pixels. Hues that fill more than 4 % of the picture are areas, not lines, and are left out, as are
    specks of less than 120 pixels.
    """
    # One number a color: sorting rows of three takes ten times as long.
    packed = np.reshape(pixels, (-1, 3)) @ np.array([1 << 16, 1 << 8, 1])
    packed, counts = np.unique(packed, return_counts=True)
    colors = packed[:, None] >> np.array([16, 8, 0]) & 255
    own, other = luminance(colors[counts.argmax()]), luminance(colors)
    contrast = (np.maximum(own, other) + 0.05) / (np.minimum(own, other) + 0.05)
    chroma = np.ptp(colors, axis=1)
    hue = rgb_to_hsv(colors / 255)[:, 0]
    found = {"axes": float(contrast[chroma <= 40].max())}
    for sector in range(24):
        chosen = (chroma > 60) & ((hue * 24).astype(int) == sector)
        size = counts[chosen].sum()
        if 120 <= size <= 0.04 * counts.sum():
            order = np.argsort(contrast[chosen])
            place = np.searchsorted(np.cumsum(counts[chosen][order]), 0.95 * size)
            found[f"hue {15 * sector}"] = float(contrast[chosen][order][place])
    return found


def pale(pixels):
    """The parts of a picture that are too pale, as sentences."""
    return [
        f"{name}: contrast {value:.2f}"
        for name, value in contrasts(pixels).items()
        if value < (TEXT if name == "axes" else LINE)
    ]
