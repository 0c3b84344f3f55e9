"""Figures on light and on dark ground."""

import itertools
import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from lib.pictures import colors, plots
from lib.pictures.legible import LEAST, enlarge_type, plain_ticks, shown_pixels


def luminance(color):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return np.dot(linear, [0.2126, 0.7152, 0.0722])


def contrast(color, ground):
    low, high = sorted([luminance(color), luminance(ground)])
    return (high + 0.05) / (low + 0.05)


def lab(color):
    """Oklab coordinates, in which distances are about as large as they look."""
    c = np.array(
        [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in to_rgb(color)]
    )
    to_cones = [[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.6300]]
    to_lab = [[0.2105, 0.7936, -0.0041], [1.9780, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]]
    return np.array(to_lab) @ np.cbrt(np.array(to_cones) @ c)


@pytest.mark.parametrize("count", range(2, 8))
def test_shades_can_be_told_apart_on_both_grounds(count):
    light = colors.shades(count)
    dark = [colors.on_dark(color) for color in light]
    for shades, ground in ((light, colors.PAPER), (dark, colors.DARK_PAPER)):
        assert min(contrast(color, ground) for color in shades) > 3
        assert np.all(np.diff([luminance(color) for color in shades]) > 0)
        assert (
            min(np.linalg.norm(lab(a) - lab(b)) for a, b in itertools.combinations(shades, 2))
            > 0.07
        )


def test_the_palette_has_counterparts_on_dark_ground():
    for light, dark in zip(colors.PALETTE, colors.DARK_PALETTE, strict=True):
        assert np.allclose(colors.on_dark(light)[:3], to_rgb(dark), atol=0.01)
        assert contrast(light, "white") > 2.8 and contrast(dark, colors.DARK_PAPER) > 4.5


@pytest.mark.parametrize(
    "sheet", ["live/live.css", "book/static/schematics.css", "book/static/print.css"]
)
def test_live_figures_and_schematics_have_the_colors_of_the_figures(sheet):
    text = (Path(__file__).parents[2] / sheet).read_text()
    for index in (0, 1):
        found = {hue.upper() for hue in re.findall(rf"--live-{index}\b[:,] *(#\w+)", text)}
        both = {colors.PALETTE[index].upper(), colors.DARK_PALETTE[index].upper()}
        assert found and found <= both, (sheet, index)
        assert contrast(colors.PALETTE[index], "white") > 4.5, "words are written with it"


def test_the_error_of_a_median_holds_it_two_times_in_three():
    rng = np.random.default_rng(1)
    samples = np.exp(2 * rng.standard_normal((25, 4000)))  # median 1, heavily skewed
    center, (below, above) = plots.median(samples)
    inside = (center - below < 1) & (center + above > 1)
    assert abs(inside.mean() - 0.68) < 0.05
    assert np.all(center - below > 0) and np.all(center + above <= samples.max(axis=0))


def test_a_smooth_curve_goes_through_what_was_solved():
    figure, ax = plt.subplots()
    x = np.linspace(0, 3, 12)
    line = plots.theory(ax, x, np.where(x == x[-1], np.nan, np.sin(x)), smooth=True)
    drawn = line.get_xdata()
    assert len(drawn) >= 200 and set(x[:-1]) <= set(drawn) and drawn[-1] == x[-2]
    assert np.allclose(line.get_ydata(), np.sin(drawn), atol=1e-3)
    plt.close(figure)


def test_greys_change_places_and_opacity_stays():
    assert np.allclose(colors.on_dark("black")[:3], to_rgb(colors.DARK_INK))
    assert np.allclose(colors.on_dark("white")[:3], to_rgb(colors.DARK_PAPER))
    assert colors.on_dark(("black", 0.3))[3] == pytest.approx(0.3)


def test_everything_in_a_dark_figure_is_light():
    figure, ax = plt.subplots()
    line = ax.plot([1, 2], [1, 2], "o-", color=colors.PALETTE[0])[0]
    ax.axhline(1.5, color="black")
    text = ax.set_title("A title")
    area = ax.fill_between([1, 2], [1, 1], [2, 2], color=colors.PALETTE[1])
    colors.darken(figure)
    figure.canvas.draw()
    assert np.allclose(to_rgb(line.get_color()), to_rgb(colors.DARK_PALETTE[0]), atol=0.01)
    assert np.allclose(to_rgb(line.get_markerfacecolor()), to_rgb(line.get_color()))
    for label in (text, *ax.get_xticklabels(), *ax.get_yticklabels()):
        assert contrast(label.get_color(), colors.DARK_PAPER) > 7
    assert contrast(area.get_facecolor()[0], colors.DARK_PAPER) > 4.5
    plt.close(figure)


@pytest.mark.parametrize("inches", [5.0, 7.0, 10.0, 12.0])
def test_no_type_is_shown_smaller_than_can_be_read(inches):
    with plt.rc_context(plots.STYLE):
        figure, ax = plt.subplots(figsize=(inches, 4))
        ax.plot([1, 2], [1, 2], label="a line")
        ax.legend(fontsize=6)
        enlarge_type(figure)
        figure.canvas.draw()
        texts = [t for t in figure.findobj(plt.Text) if t.get_text().strip()]
        assert len(texts) > 6
        assert min(shown_pixels(t.get_fontsize(), inches) for t in texts) > LEAST - 0.01
        plt.close(figure)


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.03, 0.6, ["0.05", "0.1", "0.2", "0.5"]),
        (0.6, 1.4, ["0.6", "0.8", "1", "1.2", "1.4"]),
        (0.01, 10, ["0.01", "0.1", "1", "10"]),
    ],
)
def test_logarithmic_axes_have_plain_numbers(low, high, labels):
    figure, ax = plt.subplots()
    ax.set(xscale="log", xlim=(low, high))
    plain_ticks(figure)
    figure.canvas.draw()
    ticks = zip(ax.xaxis.get_majorticklocs(), ax.get_xticklabels(), strict=True)
    within = [text.get_text() for x, text in ticks if low * 0.999 <= x <= high * 1.001]
    assert within == labels
    plt.close(figure)


def test_long_axes_and_chosen_ticks_stay():
    figure, axes = plt.subplots(1, 2)
    axes[0].set(xscale="log", xlim=(1e-8, 1))
    axes[1].set(xscale="log", xlim=(1, 8), xticks=[1, 2, 4, 8], xticklabels=["a", "b", "c", "d"])
    before = [ax.xaxis.get_major_formatter() for ax in axes]
    plain_ticks(figure)
    assert [ax.xaxis.get_major_formatter() for ax in axes] == before
    plt.close(figure)


def test_a_bowl_is_faint_beyond_its_optimum():
    from types import SimpleNamespace

    figure, ax = plt.subplots()
    rates, losses = np.array([0.1, 0.2, 0.3, 0.4]), np.array([3.0, 2.0, 5.0, 1.9])
    plots.bowl(ax, rates, losses, SimpleNamespace(value=0.25, loss=1.5), label="one")
    main, beyond = ax.get_lines()[:2]
    assert list(main.get_xdata()) == [0.1, 0.2, 0.25] and list(beyond.get_xdata()) == [0.3, 0.4]
    assert beyond.get_alpha() < 0.5 and len(ax.get_legend_handles_labels()[0]) == 1
    series = [row[1] for row in plots.table(figure)]
    assert series[:5] == ["one"] * 3 + ["one, right of the optimum"] * 2
    plt.close(figure)


def test_data_of_a_figure_name_what_its_legend_leaves_out():
    figure, ax = plt.subplots()
    for label in ("shown", "_left out", None, "_"):
        ax.plot([1.0], [2.0], label=label)
    named = ax.plot([1.0], [2.0], label="_")[0]
    named.set_gid("by its id")
    series = [row[1] for row in plots.table(figure)]
    assert series == ["shown", "left out", "series 3", "series 4", "by its id"]
    plt.close(figure)


def test_a_published_figure_is_drawn_for_both_grounds(monkeypatch):
    shown = []
    monkeypatch.setattr(plots, "display", lambda output: shown.append(output.data))
    figure, ax = plt.subplots()
    ax.plot([1, 2], [3, 4], label="a line")
    plots.publish(figure, "a-name", 'A "line"')
    (text,) = shown
    assert text.count("<img") == 2 and text.count("A &quot;line&quot;") == 2
    assert text.index("only-light") < text.index("only-dark")
    assert text.count("csv-link") == 1 and 'download="a-name.csv"' in text
