"""Which cells of a chapter are folded, and which paragraphs are known by their first words."""

import pytest
from docutils import nodes
from folding import CHECK, FIGURE, SETUP, what
from run_in import mark

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
    ],
)
def test_what_is_folded(source, tags, first, kind):
    assert what(source, tags, first) == kind


def test_paragraphs_are_known_by_their_first_words():
    look = nodes.paragraph("", "", nodes.Text(""), nodes.strong("", "What to look for."))
    other = nodes.paragraph("", "", nodes.Text("See "), nodes.strong("", "What it means."))
    mark(None, nodes.section("", look, other))
    assert look["classes"] == ["look-for"] and other["classes"] == []
