"""Figures whose sliders choose among curves that a cell has computed, in Chromium."""

import base64
import csv
import io
import re

import numpy as np
import pytest
from conftest import BOOK, FRAMES
from test_explorer import CONTRAST, DARK_LIGHT, opened

pytestmark = pytest.mark.pages

PAGES = sorted(
    path for path in (BOOK / "chapters").glob("*.html") if "tag_choose" in path.read_text()
)
EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
LINK = ".cell.tag_choose .csv-link"
SETTING = re.compile(r"((?:[^,=]+ = [^,:]+(?:, )?)+): (.+)")
NUMBER = r"\d+(?:[.]\d+)?(?:e-?\d+)?"
LINES = """
() => [...document.querySelectorAll(".live-chart")].map((chart) =>
  [...chart.querySelectorAll("svg[role=img] > .live-line")].map((line) => line.getAttribute("d")))
"""


def rows(tab):
    """The data of the figure: {setting: {panel: {name: [[x, ..], [y, ..]]}}}."""
    data = tab.locator(LINK).get_attribute("href").partition(",")[2]
    assert len(data) < 200_000
    family = {}
    for row in csv.DictReader(io.StringIO(base64.b64decode(data).decode())):
        setting, name = SETTING.fullmatch(row["series"]).groups()
        x, y = (
            family.setdefault(setting, {}).setdefault(row["panel"], {}).setdefault(name, ([], []))
        )
        x.append(float(row["x"]))
        y.append(float(row["y"]))
    return family


def chosen(tab):
    """The setting of the sliders as they say it."""
    return ", ".join(
        f"{row.locator('label').inner_text()} = {row.locator('output').inner_text()}"
        for row in tab.locator(".live-family .live-control").all()
    )


def affine(pixels, values):
    """Whether pixels are a straight function of values, or of their logarithms."""
    return any(
        np.ptp(x) == 0 or np.abs(np.polyval(np.polyfit(x, pixels, 1), x) - pixels).max() < 0.11
        for x in (np.array(values), np.log(np.maximum(values, 1e-300)))
    )


def check(tab, family):
    """What is drawn, and what is said, is what the cell computed for the setting of the sliders."""
    setting = chosen(tab)
    panels = family[setting]
    said = tab.locator(".live-family .live-words").inner_text()
    assert said.startswith(f"At {setting}: ")
    charts = tab.evaluate(LINES)
    assert len(charts) == len(panels)
    for lines, series in zip(charts, panels.values(), strict=True):
        assert len(lines) == len(series)
        places = []
        for line, (name, (x, y)) in zip(lines, series.items(), strict=True):
            drawn = np.array(re.findall(r"([\d.-]+) ([\d.-]+)", line), float).T
            assert drawn.shape == (2, len(x))
            places.append((drawn, x, y))
            ends = re.search(
                f"{re.escape(name)} (?:from )?({NUMBER})(?: to ({NUMBER}))?(?:; |[.]$)", said
            )
            first, last = ends[1], ends[2] or ends[1]
            np.testing.assert_allclose([float(first), float(last)], [y[0], y[-1]], rtol=0.006)
        # All curves of a chart by the same two axes.
        drawn, x, y = (np.concatenate(parts, axis=-1) for parts in zip(*places, strict=True))
        assert affine(drawn[0], x) and affine(drawn[1], y)
    return setting


def test_chapters_have_families():
    assert {path.stem for path in PAGES} >= {"14-power-laws", "18-sharpness"}


@EACH_PAGE
def test_every_setting_is_reached_by_keys_and_shows_what_was_computed(chromium, page):
    with opened(chromium, page=page) as tab:
        family = rows(tab)
        sliders = tab.locator(".live-family input").all()
        assert check(tab, family) == next(iter(family))
        seen, times = set(), []
        for slider in sliders:
            slider.press("Home")
        while True:
            tab.evaluate(FRAMES)
            seen.add(check(tab, family))
            times.append(
                tab.evaluate("() => performance.getEntriesByName('live-redraw')[0].duration")
            )
            # To the next setting, as digits of a number.
            for slider in sliders:
                if slider.input_value() != slider.get_attribute("max"):
                    slider.press("ArrowRight")
                    break
                slider.press("Home")
            else:
                break
        assert seen == set(family)
        print(f"{page.stem}: {min(times):.0f} ms, median {np.median(times):.0f} ms")
        assert min(times) < 50
        tab.locator(".live-family .live-reset").click()
        tab.evaluate(FRAMES)
        assert check(tab, family) == next(iter(family))


@EACH_PAGE
@DARK_LIGHT
@pytest.mark.parametrize("width", [380, 1280])
def test_readable_in_both_themes_and_on_a_phone(chromium, page, scheme, width):
    with opened(chromium, page=page, width=width, scheme=scheme) as tab:
        seen = tab.evaluate(CONTRAST)
        assert seen["words"] >= 4.5 and seen["lines"] >= 3
        assert seen["kinds"] >= 2
        assert seen["wide"] <= 0 and seen["cut"] == 0 and seen["small"] == 0
        assert tab.locator(".live-chosen img >> visible=true").count() == 0
        assert tab.locator("figure:has(.live-family) .caption-number").inner_text()


@EACH_PAGE
def test_on_paper_and_without_javascript_there_is_the_whole_family(chromium, page):
    with opened(chromium, page=page) as tab:
        tab.emulate_media(media="print")
        assert not tab.locator(".live-family").is_visible()
        assert tab.locator(".live-chosen img.only-light").is_visible()
    context = chromium.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(page.as_uri())
    picture = tab.locator(".cell.tag_choose figure img.only-light")
    assert picture.bounding_box()["width"] > 300 and picture.get_attribute("alt")
    context.close()


def test_pages_carry_the_script_only_where_there_is_a_family():
    for path in BOOK.rglob("*.html"):
        if "_static" not in path.parts:
            text = path.read_text()
            assert ("tag_choose" in text) == ("_static/live/family.js" in text), path
