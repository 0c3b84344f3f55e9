"""What a sentence of the text says, held to what a cell has computed.

A number that is typed into a sentence goes stale when the code beside it changes. So the cell that computes
it calls `says` with the words of the sentence, and fails when they are no longer true; a test of the book
finds numbers in sentences that no cell holds, and words that stand in no sentence.
"""

import re

from lib import checks

NUMERAL = re.compile(r"(?<![\w.])(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?=\W|$)")


def says(words, value, low=None, high=None):
    """Assert that `words`, a piece of the text, are true of `value`, and print both.

    Parameters
    ----------
    words : str
        As they stand in a sentence, "35 % with one hidden layer" for one.
    value : float or [m]
        What was computed; all entries must fit. Where a percent sign follows the number, a fraction.
    low, high : float or None
        Bounds of what the words leave open, in the units of `value`: a fifth more or less for "about", the
        scatter of networks, or what "two thirds" means. None: the first number in `words`, rounded as it is
        printed there.

    Raises
    ------
    AssertionError
        If some value is out of bounds, or not a number.
    ValueError
        If only one bound is given, or none and `words` hold no number.
    """
    values = checks.numbers("value", value, "a number, or several").ravel()
    number, unit = numeral(words)
    if (low is None) != (high is None):
        raise ValueError(f"{words!r}: give both bounds or none.")
    if low is None:
        if number is None:
            raise ValueError(f"{words!r} hold no number: give bounds.")
        half = 0.5 * 10 ** -len(number.partition(".")[2]) * (1 + 1e-9)
        low, high = (float(number) - half) * unit, (float(number) + half) * unit
    sign = "" if unit == 1 else " %"
    shown = ", ".join(f"{x / unit:.4g}{sign}" for x in values)
    print(f'"{words}": {shown}')
    if not values.size or not ((low <= values) & (values <= high)).all():
        bounds = f"{low / unit:.4g} to {high / unit:.4g}{sign}"
        raise AssertionError(f"{words!r} is not true of {shown}: it means {bounds}.")


def numeral(words):
    """The first number in `words` as text without commas, or None; and its unit, 0.01 before a percent sign."""
    for match in NUMERAL.finditer(words):
        if match[0]:
            percent = words[match.end() :].lstrip().startswith("%")
            return match[0].replace(",", ""), 0.01 if percent else 1.0
    return None, 1.0
