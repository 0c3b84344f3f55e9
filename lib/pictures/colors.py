"""Colors of the book's figures, on light and on dark ground.

A figure is drawn once, in the colors for light ground; for dark ground each color has its counterpart.
`shades` is for curves ordered by a parameter, from small to large, whatever the parameter; `PALETTE` is
for things of different kinds. Hue and lightness of both are told apart by color-blind readers.
"""

import matplotlib as mpl
import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgb

PALETTE = ("#0072B2", "#C04E00", "#009E73", "#C2649A", "#B07600", "#3489BD", "#000000")
"""Okabe and Ito's colors; orange, pink and sky blue are darker than theirs, so that a line has a contrast of 3
to white. The first two have 4.5, which WCAG asks of words: live figures and schematics write with them."""

DARK_PALETTE = ("#4FB3EE", "#FF8A3D", "#2FCB9C", "#E59CC6", "#E0A92E", "#8FC7EA", "#E6E6E6")
"""Their counterparts on dark ground, in the same order."""

SHADES = ("#3F0A73", "#2B3C9E", "#005F93", "#0D6F70", "#06843C", "#8B8202", "#CC7B04")
DARK_SHADES = ("#8A6BD6", "#6C8FF0", "#3AA9F5", "#1CC9CF", "#73DD8D", "#E4DA57", "#FFE3CB")
"""From small to large: through the hues, lighter at each step; contrast to the ground 3 or more."""

INK, PAPER = "#000000", "#FFFFFF"
DARK_INK, DARK_PAPER = "#E6E6E6", "#121212"
"""The ground of the theme's pages in dark mode."""

_LIGHT_MAP = LinearSegmentedColormap.from_list("book", SHADES)
_DARK_MAP = LinearSegmentedColormap.from_list("book-dark", DARK_SHADES)
MARKER = ("markerfacecolor", "markeredgecolor")
_STEPS = np.linspace(0, 1, 121)


def shades(count):
    """`count` colors for curves ordered by a parameter, dark for the smallest; seven are distinct."""
    return [_LIGHT_MAP(x) for x in (np.linspace(0, 1, count) if count > 1 else [0.35])]


def _counterparts():
    light = [to_rgb(color) for color in PALETTE] + [_LIGHT_MAP(x)[:3] for x in _STEPS]
    dark = [to_rgb(color) for color in DARK_PALETTE] + [_DARK_MAP(x)[:3] for x in _STEPS]
    return np.array(light), np.array(dark)


_LIGHT, _DARK = _counterparts()


def on_dark(color):
    """The counterpart of a color (anything of matplotlib) on dark ground; its opacity stays.

    Grays change places, from ink to paper; a color of the book has its own counterpart; any other one
    keeps its hue and becomes lighter.
    """
    *rgb, alpha = mpl.colors.to_rgba(color)
    rgb = np.array(rgb)
    if np.ptp(rgb) < 0.02:
        ink, paper = np.array(to_rgb(DARK_INK)), np.array(to_rgb(DARK_PAPER))
        return (*(ink + (paper - ink) * rgb.mean()), alpha)
    away = np.linalg.norm(_LIGHT - rgb, axis=1)
    if away.min() < 0.02:
        return (*_DARK[away.argmin()], alpha)
    return (*(rgb + (1 - rgb) * 0.35), alpha)


def _set(artist, part, colors):
    """Give `part` ("color", "facecolor", ...) of an artist the counterparts of its colors."""
    colors = np.atleast_2d(mpl.colors.to_rgba_array(colors))
    changed = [on_dark(color) for color in colors]
    getattr(artist, f"set_{part}")(changed[0] if len(changed) == 1 else changed)


def darken(figure):
    """Give everything drawn in `figure` its colors on dark ground."""
    figure.canvas.draw()
    for artist in figure.findobj():
        if isinstance(artist, mpl.lines.Line2D):
            _darken_line(artist)
        elif isinstance(artist, mpl.text.Text):
            _set(artist, "color", artist.get_color())
            _darken_patch(artist.get_bbox_patch())
        elif isinstance(artist, mpl.patches.Patch):
            _darken_patch(artist)
        elif isinstance(artist, mpl.collections.Collection):
            _darken_collection(artist)
    figure.patch.set_facecolor("none")
    for ax in figure.axes:
        ax.set_facecolor("none")
        # Ticks are made anew whenever the figure is drawn.
        ax.tick_params(which="both", color=DARK_INK, labelcolor=DARK_INK, grid_color="#B0B0B0")


def _darken_line(line):
    # Colors of markers follow that of the line unless they were chosen: ask before any is changed.
    own = {part: getattr(line, f"get_{part}")() for part in ("color", *MARKER)}
    for part, color in own.items():
        if part == "color" or not (isinstance(color, str) and color in ("none", "auto")):
            _set(line, part, color)


def _darken_patch(patch):
    if patch is not None:
        _set(patch, "edgecolor", patch.get_edgecolor())
        _set(patch, "facecolor", patch.get_facecolor())


def _darken_collection(artist):
    # A collection with values takes its colors from its map, which stays.
    if artist.get_array() is not None:
        return
    for part in ("facecolor", "edgecolor"):
        own = getattr(artist, f"get_{part}")()
        if len(own):
            _set(artist, part, own)
