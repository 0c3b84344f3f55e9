"""A formula keeps the signs beside it."""

import pytest
from docutils import nodes
from together import keep


@pytest.mark.parametrize(
    ("before", "after", "parts"),
    [
        ("of order ", ", and", ["of order ", "N,", " and"]),
        ("widths (", " = 2); ", ["widths ", "(N", " = 2); "]),
        ("(", ").", ["", "(N).", ""]),
        ("the ", " width", ["the ", "N", " width"]),
        ("", "", ["N"]),
    ],
)
def test_signs_stay_with_their_formula(before, after, parts):
    math = nodes.math("", "N")
    text = [nodes.Text(words) for words in (before, after)]
    paragraph = nodes.paragraph("", "", text[0], math, text[1])
    if not before:
        paragraph = nodes.paragraph("", "", math)
    keep(math)
    assert [part.astext() for part in paragraph] == parts
    assert paragraph.astext() == before + "N" + after
    wrapped = math.parent is not paragraph
    assert wrapped == any(part not in ("N", before, after) and "N" in part for part in parts)


def test_signs_are_taken_from_their_own_formula():
    """A paragraph in which another text is equal to the one behind a formula."""
    first, second = nodes.math("", "M"), nodes.math("", "N")
    link = nodes.reference("", "", nodes.Text("link"))
    parts = (
        nodes.Text("See "),
        link,
        nodes.Text("."),
        first,
        nodes.Text("."),
        second,
        nodes.Text("."),
    )
    paragraph = nodes.paragraph("", "", *parts)
    for math in (first, second):
        keep(math)
    assert paragraph.astext() == "See link.M.N."
