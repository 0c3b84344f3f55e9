"""One spelling, the American one, in what readers see."""

import re

import pytest
from publish.chapters import ROOT

BRITISH = re.compile(
    r"\b(?:behaviour|colour|favour|neighbour|labour|honour|analyse|artefact|modelling|labelled|centre)\w*"
    r"|\b(?:general|initial|normal|optim|recogn|summar|memor|real|minim|maxim|regular|parameter)"
    r"is(?:e|es|ed|ing|ation|ations)\b",
    re.I,
)
PAGES = sorted(
    file
    for place in ("chapters/*.md", "course/*.md", "reference/*.md", "live/*.md", "*.md")
    for file in ROOT.glob(place)
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_one_spelling(page):
    # Names in code are those of the package.
    text = re.sub(
        r"^```\{(?:code-cell|eval-rst).*?^```$|`[^`\n]*`", "", page.read_text(), flags=re.M | re.S
    )
    assert BRITISH.findall(text) == []


def test_the_other_spelling_is_noticed():
    assert BRITISH.findall("optimised neighbours") == ["optimised", "neighbours"]
    assert not BRITISH.search("an exercise, otherwise, realistic, parameterization, raised")
