"""A deck for each week of the plan: complete, as long as a lecture, made of parts that the book has."""

import re

import pytest
import yaml
from drawings import DRAWINGS
from publish.chapters import ROOT, chapters
from slides import PLACE, WORKED, equations, minutes, slides
from term_plan import deck, plan

FOLDER = ROOT / "course" / "slides"
LISTED = yaml.safe_load((ROOT / "course" / "chapters.yml").read_text())
# The kernel is derived in the lecture; its chapter comes later.
AHEAD = {8: {"sharpness-kernel"}}
WEEKS = range(1, len(plan(ROOT)["weeks"]) + 1)
TEXTS = [(ROOT / chapter).read_text() for chapter in chapters()]
KNOWN = {
    "equation": set(equations(TEXTS)),
    "figure": {name for text in TEXTS for name in re.findall(r"^ +name: (fig-\S+)", text, re.M)},
    "schematic": set(DRAWINGS),
    "outcomes": {str(week) for week in WEEKS},
}


def test_minutes_of_a_slide_begin_its_notes():
    shown, notes = zip(*slides("# A\n\nNotes:\n4 minutes. Say it.\n\n---\n\n## B\n"), strict=True)
    assert shown == ("# A", "## B")
    assert [minutes(text) for text in notes] == [4, 0]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.md")), ids=lambda path: path.stem)
def test_a_deck_takes_a_lecture_and_uses_what_there_is(path):
    text = path.read_text()
    spent = [minutes(notes) for _, notes in slides(text)]
    assert min(spent) >= 1, "each slide says how long it takes, and what to say"
    assert sum(spent) == plan(ROOT)["lecture"]
    assert [part for part in PLACE.findall(text) if part[1] not in KNOWN[part[0]]] == []


@pytest.mark.parametrize("week", WEEKS)
def test_a_week_has_a_schematic_a_worked_page_and_a_question(week):
    text = (FOLDER / f"{deck(week)}.md").read_text()
    assert 10 <= len(list(slides(text))) <= 15
    kinds = [kind for kind, _ in PLACE.findall(text)]
    assert "schematic" in kinds and kinds.count("figure") >= 3
    assert f"## {WORKED}" in text and "> **Question.**" in text
    assert ("outcomes", str(week)) in PLACE.findall(text)


def test_a_deck_shows_only_chapters_that_were_read():
    read = set()
    home = {
        name: chapter["file"]
        for chapter in LISTED
        for name in re.findall(
            r"(?:label:|name:) (\S+)", (ROOT / f"{chapter['file']}.md").read_text()
        )
    }
    labels = {chapter["label"]: chapter["file"] for chapter in LISTED}
    for week, entry in enumerate(plan(ROOT)["weeks"], start=1):
        read |= {labels[label] for label in entry["chapters"]}
        text = (FOLDER / f"{deck(week)}.md").read_text()
        shown = {name for kind, name in PLACE.findall(text) if kind in ("equation", "figure")}
        early = {name for name in shown if home[name] not in read} - AHEAD.get(week, set())
        assert early == set(), f"week {week}"
