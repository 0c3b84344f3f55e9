"""A result in a few lines, and with a small picture of its curves where there is a page to draw on."""

import html
from dataclasses import MISSING, fields

import numpy as np

from lib.problem.spectrum import Spectrum

LOSSES = {"test_loss": "#3b6fb6", "train_loss": "#c8553d"}
"""Shown in the picture, with their colors."""

WIDTH, HEIGHT, MOST_CURVES = 260, 110, 6


def lines(result):
    """The summary of a Solution or of Runs, line by line."""
    kind = type(result).__name__
    shape = "x".join(map(str, result.test_loss.shape[:-1]))
    yield f"{kind}{f' [{shape}]' if shape else ''} of"
    for description in (result.network, result.data, result.training):
        yield f"  {_brief(description)}"
    times = np.ravel(result.times)
    yield f"  times {times[0]:g} .. {times[-1]:g} ({len(times)})"
    for name in ("test_loss", "excess_loss", "train_loss"):
        first, last = (np.atleast_1d(getattr(result, name))[..., i] for i in (0, -1))
        yield f"  {name:11s} {_range(first)} -> {_range(last)}"
    for name in ("residual", "error", "depth_error"):
        if getattr(result, name, None) is not None:
            yield f"  {name:11s} {_range(getattr(result, name))}"
    names = [status.name for status in np.ravel(result.status)]
    if len(names) == 1:
        yield f"  {np.ravel(result.status)[0]}"
    else:
        counted = {name: names.count(name) for name in sorted(set(names))}
        yield "  " + ", ".join(f"{count} {name}" for name, count in counted.items())


class Summarized:
    """Results that print themselves in a few lines."""

    def __repr__(self):
        return "\n".join(lines(self))

    def _repr_html_(self):
        text = html.escape(repr(self))
        return f"<div>{_picture(self)}<pre>{text}</pre></div>"


def _range(values):
    values = np.ravel(values)
    low, high = (f"{value:.4g}" for value in (np.min(values), np.max(values)))
    return low if low == high else f"{low} .. {high}"


def _brief(description):
    if isinstance(description, tuple):
        first = _brief(description[0])
        return first if len(description) == 1 else f"{len(description)} of {first}, .."
    shown = []
    for field in fields(description):
        value = getattr(description, field.name)
        default = field.default
        if field.default_factory is not MISSING:
            default = field.default_factory()
        if isinstance(value, np.ndarray) or not field.init or np.any(value != default):
            shown.append(f"{field.name}={_value(value)}")
    return f"{type(description).__name__}({', '.join(shown)})"


def _value(value):
    if isinstance(value, Spectrum):
        free = ", dimension-free" if value.dimension_free else ""
        return f"<{len(value)} modes{free}>"
    if isinstance(value, np.ndarray) and value.ndim:
        return f"[{value[0]:.4g} .. {value[-1]:.4g}]" if value.ndim == 1 else f"<{value.shape}>"
    return f"{value:.6g}" if isinstance(value, float) else repr(value)


def _picture(result):
    """The losses over time, logarithms of both, as a small SVG; nothing if there is nothing to draw."""
    times = np.ravel(result.times)
    curves = []
    for name, color in LOSSES.items():
        rows = np.asarray(getattr(result, name)).reshape(-1, len(times))
        curves += [(row, color) for row in rows[:MOST_CURVES]]
    drawn = [row[np.isfinite(row) & (row > 0)] for row, _ in curves]
    drawn = np.concatenate(drawn) if drawn else np.zeros(0)
    if len(times) < 2 or len(drawn) == 0:
        return ""
    low, high = np.log(drawn.min()), np.log(drawn.max())
    x = np.log1p(times - times[0])
    x = 4 + (WIDTH - 8) * x / x[-1]
    parts = []
    for row, color in curves:
        kept = np.isfinite(row) & (row > 0)
        y = HEIGHT - 4 - (HEIGHT - 8) * (np.log(row[kept]) - low) / max(high - low, 1e-12)
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x[kept], y, strict=True))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}"/>')
    label = "test and training loss over time, both logarithmic"
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{label}">{"".join(parts)}</svg>'
    )
