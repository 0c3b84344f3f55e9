"""What live/family.js reads from the table of a figure."""

import csv
import io
import itertools

import pytest
from javascript import run


def table(series):
    """As `lib.plots.publish` writes it, one point for each (panel, series)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("panel", "series", "x", "y", "standard_error"))
    writer.writerows((*names, k, 10 * k, "") for k, names in enumerate(series))
    return text.getvalue()


def series(depths, sources):
    return [
        ('a, "b" against t', f"depth L = {L}, source b = {b}: slope, of a kind")
        for L, b in itertools.product(depths, sources)
    ]


def read(rows):
    return run(["family.js"], "DeepLinear.family(text)", text=table(rows))


def test_settings_are_read_off_names():
    family = read(series((10, 2), (0.5, 0.25)))
    assert family["fields"] == [
        {"label": "depth L", "values": [2, 10]},
        {"label": "source b", "values": [0.25, 0.5]},
    ]
    assert family["first"] == [10, 0.5]
    (panel,) = family["panels"]
    assert panel["title"] == 'a, "b" against t'
    assert panel["series"]["2,0.5"] == [{"name": "slope, of a kind", "x": [2], "y": [20]}]


def test_a_setting_without_curves_is_an_error():
    with pytest.raises(AssertionError, match="3 of 4 settings"):
        read(series((1, 2), (0.25, 0.5))[:-1])


def test_a_series_without_a_setting_is_an_error():
    with pytest.raises(AssertionError, match="names no setting"):
        read([("p", "slope")])
