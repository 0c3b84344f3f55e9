"""Numbers in the sentences of the chapters: a cell holds them, or they are settings of one.

`lib.says` ties words of a sentence to what a cell has computed. Here the other direction is tested: words
that are held stand in the text, and a number that looks measured is held by some cell.
"""

import ast
import re

import pytest
from publish.chapters import ROOT, notebooks

PAGES = [path for path in notebooks(ROOT) if path.parts[0] == "chapters"]
CELL = re.compile(
    r"^```\{code-cell\}[^\n]*\n(?:---\n.*?^---\n|(?::[^\n]*\n)*)(.*?)^```", re.S | re.M
)
BESIDE = re.compile(
    r"\A---\n.*?^---\n"  # front matter
    r"|^```\{code-cell\}.*?^```"
    r"|^```\{math\}.*?^```"
    r"|^\$\$.*?\$\$"
    r"|^\([^\n]*\)=$|^:[^\n]*$|^```[^\n]*$"  # labels, options, fences
    r"|^\*\*You need\*\*[^\n]*$",
    re.S | re.M,
)
NOT_WORDS = re.compile(r"\$[^$]*\$|`[^`]*`|\{[^}]*\}|\]\([^)]*\)", re.S)
NUMERAL = re.compile(r"(?<![\w.])(\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?|\.\d+)(?![\w])")
PERCENT = re.compile(NUMERAL.pattern + r" ?(?:%|per ?cent\b)")
FRACTION = re.compile(
    r"\b(?:a|one|two|three) (?:thirds?|quarters?|fifths?|sixths?|tenths?|hundredths?|thousandths?)\b"
)
SETTINGS = {
    "06-width": ["a third"],  # where a ladder of rates begins
    "12-depth-transfer": ["a tenth"],  # the same
    "13-long-horizons": ["a thousandth"],  # of the tolerance: what the library does
    "14-power-laws": ["a tenth"],  # a scatter that the figure shows
    "18-sharpness": ["a hundredth"],  # of the first loss: from when on, not how much
    "18b-inside-the-weights": ["a third"],  # singular value
    "21-unequal-widths": ["a tenth"],  # of D, a width
    "23c-schedules": ["a tenth"],  # of the run, a warm-up
    "22-epilogue": ["a tenth"],  # a wish, and what chapter 19 holds
}
"""Fractions in sentences that are choices or ordinals, not results."""

SMALL = 12
"""Whole numbers up to this count things: layers, panels, a page's items."""


def value(numeral):
    return float(numeral.replace(",", ""))


def prose(text):
    """The page's Markdown without cells, displayed equations and directives."""
    return BESIDE.sub("", text)


def cells(text):
    """Syntax trees of the page's code."""
    return [ast.parse(re.sub(r"^%.*$", "", code, flags=re.M)) for code in CELL.findall(text)]


def calls(trees, name):
    for node in (n for tree in trees for n in ast.walk(tree)):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", None) == name:
            yield node


def constants(nodes):
    """Numbers in code, and in its text."""
    for node in (n for root in nodes for n in ast.walk(root)):
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
            yield float(node.value)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (value(found) for found in NUMERAL.findall(node.value))


def held_words(trees):
    """What `says` is told: texts, those of a table looked up by name among them."""
    for call in calls(trees, "says"):
        if isinstance(call.args[0], ast.Constant):
            yield call.args[0].value


def checked(trees):
    """Numbers that a cell compares with, `says`, or sets by name."""
    nodes = [n for tree in trees for n in ast.walk(tree)]
    chosen = [n for n in nodes if isinstance(n, (ast.Assert, ast.keyword, ast.Assign))]
    return set(constants([*chosen, *calls(trees, "says")]))


def spaced(text):
    return " ".join(text.split())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_words_that_a_cell_holds_stand_in_the_text(page):
    text = (ROOT / page).read_text()
    words = spaced(prose(text))
    missing = [held for held in held_words(cells(text)) if spaced(held) not in words]
    assert not missing, f"no sentence of {page} has these words: {missing}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_numbers_in_sentences_are_held_or_set_by_a_cell(page):
    text = (ROOT / page).read_text()
    trees = cells(text)
    known = set(constants(trees))
    known |= {100 * number for number in known}
    loose = []
    for line in prose(text).splitlines():
        for numeral in NUMERAL.findall(NOT_WORDS.sub(" ", line)):
            number = value(numeral)
            counts = number.is_integer() and number <= SMALL and f"{numeral} %" not in line
            if not counts and not any(abs(number - k) < 1e-9 * max(1, number) for k in known):
                loose.append((numeral, line[:120]))
    assert not loose, f"{page}: nothing in its code gives {loose}; see lib.says"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_percents_and_fractions_are_held_by_a_check(page):
    """In sentences that draw conclusions; those that say what will be done set, and do not measure."""
    text = (ROOT / page).read_text()
    trees = cells(text)
    numbers, held = checked(trees), [spaced(words) for words in held_words(trees)]
    numbers |= {100 * number for number in numbers}
    loose = []
    for line in prose(text).splitlines():
        plain = NOT_WORDS.sub(" ", line)
        loose += [
            (match[0], line[:120])
            for match in PERCENT.finditer(plain)
            if not any(abs(value(match[1]) - k) < 1e-9 * max(1, k) for k in numbers)
        ]
        loose += [
            (match[0], line[:160])
            for match in FRACTION.finditer(plain)
            if not any(match[0] in words for words in held + SETTINGS.get(page.stem, []))
        ]
    assert not loose, f"{page}: no check holds {loose}; see lib.says"
