"""Which cells of a chapter are folded, and which paragraphs are known by their first words."""

from pathlib import Path

import jupytext
import pytest
from docutils import nodes
from folding import AT_ONCE, CHECK, FIGURE, LONG, SETUP, fold, what
from run_in import mark
from sphinx_exercise.nodes import solution_node

CHAPTERS = sorted((Path(__file__).parents[2] / "chapters").glob("*.md"))
LESSON = 30
"""Lines of the longest cell that stays open because it is what the chapter teaches."""

DRAWING = 'fig, ax = plots.plt.subplots()\nplots.publish(fig, "a", "A line.")'


@pytest.mark.parametrize(
    ("source", "tags", "first", "kind"),
    [
        ("import lib", set(), True, SETUP),
        ("import lib", set(), False, None),
        ("x = 1", set(), True, None),
        (DRAWING, set(), False, FIGURE),
        (DRAWING, {"check"}, False, FIGURE),
        (DRAWING, {"open"}, False, None),
        ("live.figure(network)", {"hide-input"}, False, FIGURE),
        ("assert x == 1", {"check"}, False, CHECK),
        ("assert x == 1", set(), False, None),
        ("x = 1\n" * AT_ONCE, set(), False, None),
        ("x = 1\n" * (AT_ONCE + 1), set(), False, LONG),
        ("x = 1\n" * (AT_ONCE + 1), {"check"}, False, CHECK),
        ("x = 1\n" * (AT_ONCE + 1), {"open"}, False, None),
    ],
)
def test_what_is_folded(source, tags, first, kind):
    assert what(source, tags, first) == kind


def cell(source, name="code"):
    code = nodes.container("", nodes.literal_block(source, source), nb_element="cell_code_source")
    return nodes.container("", code, nb_element="cell_code", ids=[name])


def test_a_cell_in_a_solution_is_open():
    solved, free = cell("x = 1\n" * 40), cell("x = 1\n" * 40)
    fold(None, nodes.section("", cell("x = 1"), solution_node("", solved), free))
    assert "hide_mode" not in solved and free["hide_mode"] == "input"


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_at_most_two_lessons_in_code_stay_open_and_none_is_long(chapter):
    cells = [c for c in jupytext.read(chapter).cells if "open" in c.metadata.get("tags", [])]
    assert len(cells) <= 2
    assert all(len(c.source.splitlines()) <= LESSON for c in cells)


def test_paragraphs_are_known_by_their_first_words():
    look = nodes.paragraph("", "", nodes.Text(""), nodes.strong("", "What to look for."))
    other = nodes.paragraph("", "", nodes.Text("See "), nodes.strong("", "What it means."))
    mark(None, nodes.section("", look, other))
    assert look["classes"] == ["look-for"] and other["classes"] == []
