"""What checks print: tables of verdicts, and the words of the text that are held."""

import contextlib
import io

import numpy as np
import pytest
from docutils import nodes
from evidence import COLUMNS, VERDICT, named, read, replace, rows, span

import lib

RNG = np.random.default_rng(1)
SAMPLES = 1 + 0.1 * RNG.standard_normal((40, 3))
AGREES = "agree: largest deviation 1.6 of 5.0 allowed, beyond 2 % for finite size; would have caught 9.5 % (22 % at one point)"


@pytest.mark.parametrize("allowance", [0, 0.02])
@pytest.mark.parametrize("expected", [[1.0] * 3, [9.0] * 3])
def test_what_the_package_says_is_known(expected, allowance):
    check = lib.agree(expected, SAMPLES, allowance=allowance)
    match = VERDICT.fullmatch(f"rich, nu = 1: {check}; and more")
    assert match and match["name"] == "rich, nu = 1:" and match["rest"] == "and more"
    assert (match["verdict"] == "agree") == bool(check)
    assert match["deviation"] == f"{check.deviation:.1f}"
    assert match["catches"] == f"{100 * check.catches:.2g} %"
    assert match["single"] == f"{100 * check.catches_single:.2g} %"
    assert match["beyond"] == ("2 %" if allowance else None)


def test_a_verdict_on_one_point_is_known():
    assert VERDICT.fullmatch(str(lib.agree([1.0], SAMPLES[:, :1])))["single"] is None


def test_held_words_stand_below_the_rest_and_each_once():
    with contextlib.redirect_stdout(io.StringIO()) as said:
        lib.says("a third", 0.33, 0.3, 0.4)
        print("between")
        lib.says("a third", [0.34, 0.35], 0.3, 0.4)
        lib.says("50 % more", 0.5)
    assert read(said.getvalue()) == [
        ("text", ["between"]),
        ("held", [("a third", "0.33, 0.34, 0.35"), ("50 % more", "50 %")]),
    ]


def test_many_values_are_told_by_their_ends():
    assert span(["3 %", "10 %, 2 %", "4 %", "5 %"]) == "2 % to 10 %"


def test_one_verdict_stays_a_sentence_and_several_are_a_table():
    assert read(f"a\n{AGREES}\nb\n") == [("text", ["a", AGREES, "b"])]
    kinds = [kind for kind, _ in read(f"a\nx: {AGREES}\ny: {AGREES}\nb\n")]
    assert kinds == ["text", "verdicts", "text"]


def test_a_table_has_the_columns_that_its_verdicts_fill():
    verdicts = [VERDICT.fullmatch(f"x = {k}: {AGREES}") for k in (1, 2)]
    head, body = rows(verdicts)
    assert head == [
        "",
        *(COLUMNS[c] for c in ("verdict", "deviation", "beyond", "catches", "single")),
    ]
    assert body[1] == ["x = 2", "agree", "1.6 of 5.0", "2 %", "9.5 %", "22 %"]


def test_a_line_of_heads_names_columns_of_numbers_and_nothing_else():
    numbers = [VERDICT.fullmatch(f"  0.5  -1  inf  {AGREES}")]
    assert named(" nu  a  b", numbers) == ["nu", "a", "b"]
    assert named("two words", numbers) == []
    assert named("a b c", [VERDICT.fullmatch(f"x = 1: {AGREES}")]) == []
    assert rows(numbers, ["nu", "a", "b"])[1][0][:3] == ["0.5", "-1", "inf"]


def test_prints_of_other_kinds_are_left_as_they_are():
    plain = nodes.literal_block("a\nb", "a\nb", classes=["output", "stream"])
    text = f"nu\n0.5 {AGREES}\n2.0 {AGREES}\n"
    checks = nodes.literal_block(text, text, classes=["output", "stream"])
    code = nodes.literal_block(text, text)
    page = nodes.section("", plain, checks, code)
    replace(None, page)
    assert page[0] is plain and page[2] is code
    assert [e.astext() for e in page[1].findall(nodes.entry)][:2] == ["nu", "verdict"]
    assert not list(page[1].findall(nodes.literal_block))


def test_lines_in_columns_are_known():
    for text, kind in (("a  b\n1   2\n", True), ("a  b\n", False), ("one\ntwo\n", False)):
        page = nodes.section("", nodes.literal_block(text, text, classes=["stream"]))
        replace(None, page)
        assert ("aligned" in page[0]["classes"]) == kind
