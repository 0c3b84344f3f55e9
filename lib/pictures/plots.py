"""Figures of the book: theory as lines, networks as points with error bars, data as CSV.

Colors are those of `lib.pictures.colors`: `PALETTE` for different things, `shades` for an order.
matplotlib and IPython are needed in `lib.pictures` and nowhere else in the package.
"""

import base64
import csv
import html
import io

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import HTML, display
from scipy.interpolate import CubicSpline

from lib.pictures.colors import PALETTE, darken
from lib.pictures.colors import shades as shades
from lib.pictures.legible import enlarge_type, plain_ticks
from lib.questions.agreement import summarise

STYLE = {
    "figure.figsize": (7.0, 4.0),
    "figure.dpi": 110,
    "figure.constrained_layout.use": True,
    "axes.prop_cycle": plt.cycler(color=PALETTE),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "font.size": 11,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "svg.fonttype": "path",
}


BEYOND = {"alpha": 0.45, "linewidth": 1.0}
"""How a curve is drawn where training is no longer stable."""


def use_style():
    """Set the book's matplotlib style for this session."""
    plt.rcParams.update(STYLE)


def theory(ax, x, y, *, label=None, color=None, smooth=False, **style):
    """Draw a theory curve as a line; values that are not finite are left out.

    `smooth` is for a curve without kinks that was solved at few x: a cubic spline goes through them.
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    finite = np.isfinite(y)
    x, y = x[finite], y[finite]
    if smooth:
        solved, x = x, np.union1d(x, np.linspace(x[0], x[-1], 200))
        y = CubicSpline(solved, y)(x)
    return ax.plot(x, y, label=label, color=color, **style)[0]


def networks(ax, x, samples, *, label=None, color=None, middle="mean", **style):
    """Draw networks as points with standard errors over seeds.

    Parameters
    ----------
    x : [n]
    samples : [seeds, n]
    middle : "mean", "log" or "median"
        "log" is the mean of a log-normal, as for `lib.agree`. The median is for heavily scattered runs
        near the edge of stability; its standard error is read off the ordered samples (`median`), above
        and below: no bar leaves the range of what was measured.
    """
    center, error = median(samples) if middle == "median" else summarise(samples, middle)
    style = {"fmt": "o", "markersize": 4, "capsize": 2, "linewidth": 1.2} | style
    return ax.errorbar(x, center, yerr=error, label=label, color=color, **style)


def median(samples):
    """Median over seeds [n], and its standard error below and above, [2, n].

    The number of samples below the true median is binomial, n/2 with a standard deviation of sqrt(n)/2,
    whatever the distribution (David and Nagaraja, Order Statistics, section 7.1).
    """
    half = 0.5 / np.sqrt(len(samples))
    low, center, high = np.quantile(samples, [0.5 - half, 0.5, 0.5 + half], axis=0)
    return center, np.array([center - low, high - center])


def compare(
    ax, solution, runs=None, *, loss="excess_loss", points=10, label=None, color=None, middle="mean"
):
    """Draw one loss of a `Solution` as a line and the same loss of `Runs` as points.

    Both are single problems (no sweep axis). About `points` of the runs' steps are shown.
    """
    line = theory(ax, solution.times, getattr(solution, loss), label=label, color=color)
    if runs is not None:
        shown = np.unique(np.linspace(0, len(runs.times) - 1, points).round().astype(int))
        networks(
            ax,
            runs.times[shown],
            getattr(runs, loss)[:, shown],
            color=line.get_color(),
            middle=middle,
        )
    return line


def optimum(ax, x, y, *, color=None):
    """Mark the smallest finite value of a bowl with a star; return its position."""
    y = np.where(np.isfinite(y), y, np.inf)
    best = int(np.argmin(y))
    _star(ax, x[best], y[best], color)
    return x[best]


def bowl(ax, rates, losses, best, samples=None, *, label=None, color=None, middle="median"):
    """Draw loss against learning rate, the optimum marked with a star.

    Parameters
    ----------
    rates : [K]
    losses : [K]
        Of the theory: a line, faint to the right of the optimum, where loss and divergence alternate;
        it ends where training diverges.
    best : Rate
        From `optimal_learning_rate`.
    samples : [K, seeds] or None
        Of networks: points with standard errors, where no seed has diverged.
    middle : "median" or "mean"
    """
    rates, losses = np.asarray(rates, float), np.asarray(losses, float)
    stable = rates <= best.value
    line = theory(
        ax,
        np.append(rates[stable], best.value),
        np.append(losses[stable], best.loss),
        label=label,
        color=color,
    )
    beyond = theory(ax, rates[~stable], losses[~stable], color=line.get_color(), **BEYOND)
    beyond.set_label("_beyond")
    beyond.set_gid(f"{label}, right of the optimum" if label else "right of the optimum")
    _star(ax, best.value, best.loss, line.get_color())
    if samples is not None:
        whole = np.isfinite(samples).all(axis=1)
        networks(
            ax, np.asarray(rates)[whole], samples[whole].T, color=line.get_color(), middle=middle
        )
    ax.set(xscale="log", yscale="log")
    return line


def _star(ax, x, y, color):
    ax.plot([x], [y], "*", color=color, markersize=12, zorder=3, label="_optimum")


def table(figure):
    """Everything drawn in `figure` as rows (panel, series, x, y, error)."""
    rows = []
    for number, ax in enumerate(figure.axes, start=1):
        panel = ax.get_title() or f"panel {number}"
        bars = {
            container.lines[0]: container
            for container in ax.containers
            if hasattr(container, "has_yerr")
        }
        for index, line in enumerate(ax.get_lines()):
            container = bars.get(line)
            named = container or line
            series = named.get_label()
            if not series or series.startswith("_"):  # legends leave it out
                own = "" if series.startswith("_child") else series.strip("_")
                kind = "networks" if container else "series"
                series = line.get_gid() or own or f"{kind} {index + 1}"
            x, y = line.get_data()
            error = _half_lengths(container, len(x)) if container else [""] * len(x)
            if line in _cap_lines(ax):
                continue
            rows += [(panel, series, *entry) for entry in zip(x, y, error, strict=True)]
    return rows


def _cap_lines(ax):
    return {
        cap
        for container in ax.containers
        if hasattr(container, "has_yerr")
        for cap in container.lines[1]
    }


def _half_lengths(container, count):
    if not container.has_yerr:
        return [""] * count
    segments = container.lines[2][-1].get_segments()
    return [(segment[1, 1] - segment[0, 1]) / 2 if len(segment) else "" for segment in segments]


def publish(figure, name, alt):
    """Show `figure` with a link to everything drawn in it, as `name`.csv, and close it.

    The table is read from what is drawn, so that figure and data cannot disagree. `alt` says in words
    what is to be seen. The picture is made for light and for dark ground; pages show the one that fits,
    notebooks the light one. Pictures and link are one output, so that the book can give it one caption.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("panel", "series", "x", "y", "standard_error"))
    writer.writerows(table(figure))
    plain_ticks(figure)
    enlarge_type(figure)
    light = image(figure, alt, "only-light")
    darken(figure)
    dark = image(figure, alt, "only-dark")
    plt.close(figure)
    data = base64.b64encode(text.getvalue().encode()).decode()
    display(
        HTML(
            f'{light}{dark}<a class="csv-link" download="{name}.csv" '
            f'href="data:text/csv;base64,{data}">Data of this figure (CSV)</a>'
        )
    )


def image(figure, alt, ground):
    """An <img> of `figure` for one ground, "only-light" or "only-dark", which is hidden elsewhere."""
    picture = io.BytesIO()
    transparent = ground == "only-dark"
    figure.savefig(picture, format="png", dpi=2 * figure.dpi, transparent=transparent)
    source = base64.b64encode(picture.getvalue()).decode()
    width = round(figure.get_figwidth() * figure.dpi)
    hidden = ' style="display: none"' if transparent else ""
    return (
        f'<img class="{ground}" alt="{html.escape(alt)}" width="{width}"{hidden} '
        f'src="data:image/png;base64,{source}">'
    )
