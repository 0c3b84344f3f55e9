"""Numbers and letters of a figure that can be read on the page.

A page shows a figure in a column of `COLUMN` pixels: what is drawn wider is shown smaller, and its type
with it. Logarithmic axes over a few decades say 0.5 and 20, not 5 x 10^-1 and 2 x 10^1.
"""

import matplotlib as mpl
import numpy as np
from matplotlib.ticker import FuncFormatter, LogFormatterSciNotation, LogLocator, NullFormatter

COLUMN = 672
"""Pixels of a page's column of text on a laptop's screen of 1280 pixels."""

LEAST = 10.5
"""Pixels of the smallest type, as shown there."""

PLAIN = 3.2
"""Decades of an axis up to which numbers are written out; beyond, decades are powers of ten."""


def shown_pixels(points, inches):
    """Height in pixels of type of `points`, in a figure of `inches`, as the page shows it."""
    return points * min(COLUMN / (72 * inches), 110 / 72)


def enlarge_type(figure):
    """Let no type of a figure be smaller than `LEAST` pixels as shown."""
    least = LEAST * 11 / shown_pixels(11, figure.get_figwidth())
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            for which in ("major", "minor"):
                labels = axis.get_ticklabels(which=which)
                if any(label.get_fontsize() < least for label in labels):
                    ax.tick_params(axis=axis.axis_name, which=which, labelsize=least)
    for text in figure.findobj(mpl.text.Text):
        if text.get_text().strip() and text.get_fontsize() < least:
            text.set_fontsize(least)


def plain_ticks(figure):
    """Give the logarithmic axes of a figure, where nobody chose otherwise, ticks that can be read."""
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            formatter = axis.get_major_formatter()
            if axis.get_scale() == "log" and isinstance(formatter, LogFormatterSciNotation):
                _plain_axis(axis)


def _plain_axis(axis):
    low, high = sorted(axis.get_view_interval())
    if not 0 < low < high < np.inf:
        return
    decades = np.log10(high / low)
    if decades > PLAIN:
        return
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
    if decades < 0.5:
        axis.set_major_locator(_few(low, high))
    elif decades < 1.8:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))


def _few(low, high):
    """Round numbers within less than half a decade."""
    ticks = mpl.ticker.MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(low, high)
    return mpl.ticker.FixedLocator([tick for tick in ticks if tick > 0])
