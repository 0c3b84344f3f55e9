"""Schematics: drawn, described, and numbered figures of the book."""

import re
import xml.etree.ElementTree as ElementTree

import pytest
from drawings import DRAWINGS
from drawings.pen import Pen, rich
from names import names
from plain_notebook import plain
from publish.chapters import ROOT, chapters
from slides import PLACE

USED = re.compile(r"^```\{schematic\} (\S+)\n:name: (\S+)\n", re.M)


def test_lowered_and_raised_parts():
    text = "".join(ElementTree.fromstring(f"<t>{rich('W^{l+1} h_0 < 1')}</t>").itertext())
    assert text.replace("\u200b", "") == "Wl+1 h0 < 1"
    moves = [float(m) for m in re.findall(r'dy="([-\d.]+)"', rich("a_1^2 b"))]
    assert sum(moves) == 0, "what follows is on the line again"


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_described_and_stays_in_its_frame(name):
    svg = ElementTree.fromstring(DRAWINGS[name]())
    assert len(svg.get("aria-label")) > 60
    width, height = map(float, svg.get("viewBox").split()[2:])
    for text in svg.iter("{http://www.w3.org/2000/svg}text"):
        assert 0 <= float(text.get("x")) <= width and 10 <= float(text.get("y")) <= height
    colors = re.findall(r"#[0-9a-fA-F]{3,6}", re.sub(r"url\(#[^)]*\)", "", DRAWINGS[name]()))
    assert colors == [], "colors are the page's"


def test_a_pen_writes_what_it_draws():
    pen = Pen(10, 10, "A <line>")
    pen.line(1, 2, 3, 4, "a", arrow=True)
    svg = ElementTree.fromstring(pen.svg)
    assert svg.get("aria-label") == "A <line>"
    (path,) = [p for p in svg if p.tag.endswith("path")]
    assert path.get("d") == "M1 2L3 4" and "s-a" in path.get("class")


def test_every_drawing_is_in_a_chapter_or_on_a_slide():
    used = [found for file in chapters() for found in USED.findall((ROOT / file).read_text())]
    decks = [file.read_text() for file in (ROOT / "course" / "slides").glob("*.md")]
    shown = {name for text in decks for kind, name in PLACE.findall(text) if kind == "schematic"}
    assert {name for name, _ in used} | shown == set(DRAWINGS)
    labels = [label for _, label in used]
    assert len(labels) == len(set(labels)) and all(label.startswith("fig-") for label in labels)


def test_a_notebook_has_the_caption():
    text = "```{schematic} march\n:name: fig-march-triangle\n\nThe march.\n```\n"
    number = names(ROOT).figure("fig-march-triangle")
    assert plain(text) == f"*{number}: a drawing, in the book.* The march."
