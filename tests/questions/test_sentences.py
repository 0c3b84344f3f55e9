"""What a sentence says is held to its rounding, to bounds, and to its unit."""

import pytest

import lib


@pytest.mark.parametrize(
    "words, value",
    [
        ("starts at 36, above 20", 35.5),
        ("43 % of the variance", 0.434),
        ("2.6 times lower", 2.649),
        ("all 1,797 of them", 1797),
        ("step .5", 0.45),
        ("a loss of 35 %.", [0.346, 0.354]),
        ("in 2025 steps", 2025),
    ],
)
def test_rounding_as_printed_is_allowed(words, value, capsys):
    lib.says(words, value)
    assert capsys.readouterr().out.startswith(f'"{words}": ')


@pytest.mark.parametrize(
    "words, value",
    [
        ("starts at 36, above 20", 35.4),
        ("43 % of the variance", 43),
        ("2.6 times lower", 2.651),
        ("all 1,797 of them", 1),
        ("a loss of 35 %.", [0.35, 0.36]),
        ("a loss of 35 %.", float("nan")),
        ("a loss of 35 %.", []),
    ],
)
def test_what_is_not_so_is_said(words, value):
    with pytest.raises(AssertionError, match="is not true of"):
        lib.says(words, value)


def test_words_without_a_number_need_bounds():
    lib.says("two thirds of it", 0.68, 0.6, 0.72)
    with pytest.raises(AssertionError, match=r"0\.59.* means 0\.6 to 0\.72"):
        lib.says("two thirds of it", 0.59, 0.6, 0.72)
    with pytest.raises(AssertionError, match=r"31 %.* means 33 to 37 %"):
        lib.says("about 35 %", 0.31, 0.33, 0.37)
    with pytest.raises(ValueError, match="hold no number"):
        lib.says("two thirds of it", 0.68)
    with pytest.raises(ValueError, match="both bounds"):
        lib.says("two thirds of it", 0.68, 0.6)
