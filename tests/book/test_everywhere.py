"""The book under other settings: which are tried, how they are set, and what the table says."""

import os
import sys
from itertools import product

import everywhere
import kept_runs
import pytest


def test_every_kernel_thread_count_and_offset_is_tried_more_than_with_one_other():
    for column, values in enumerate(zip(*everywhere.CHOICES, strict=True)):
        for value, other in product(set(values), {0, 1, 2} - {column}):
            met = {choice[other] for choice in everywhere.CHOICES if choice[column] == value}
            assert len(met) >= 2 or (value == 4 and len(met) == 1)


@pytest.fixture
def environment(monkeypatch):
    for name in [*kept_runs.SETTINGS, *everywhere.PASSIVE]:
        monkeypatch.setenv(name, os.environ.get(name, ""))
    return monkeypatch


def test_settings_reach_what_starts_from_here(environment):
    everywhere.choose("Prescott", 2, "5")
    sse = everywhere.chosen_kernel()
    assert os.environ["SEED_OFFSET"] == "5" and os.environ["OMP_NUM_THREADS"] == "2"
    everywhere.choose("own", 1, "0")
    assert "OPENBLAS_CORETYPE" not in os.environ and "ATEN_CPU_CAPABILITY" not in os.environ
    if sys.platform == "linux":
        assert sse != everywhere.chosen_kernel()


def test_a_failure_stands_in_the_table_and_ends_the_command(environment, tmp_path, capsys):
    environment.setattr(everywhere, "TABLE", tmp_path / "table.md")
    environment.setattr(everywhere, "chosen_kernel", lambda: "Z80")

    def executed(root, pages):
        wrong = {"chapters/b": "AssertionError: no"} if os.environ["SEED_OFFSET"] == "1000" else {}
        return ["chapters/a", "chapters/b"], wrong

    environment.setattr(everywhere, "OFFSETS", ["0", "1000", "2000"])
    environment.setattr(everywhere, "execute_all", executed)
    environment.setattr(everywhere, "run_tests", lambda chosen: {})
    with pytest.raises(SystemExit) as ended:
        everywhere.main([], [])
    assert ended.value.code == 1
    table = everywhere.TABLE.read_text()
    rows = {line.split(" | ")[0]: line for line in table.splitlines() if line.startswith("| ")}
    affected = sum(place == 1 for _, _, place in everywhere.CHOICES)
    assert rows["| chapters/a"].count("passed") == len(everywhere.CHOICES)
    assert rows["| chapters/b"].count("failed") == affected
    assert table.count("chapters/b: AssertionError: no") == affected

    environment.setattr(everywhere, "OFFSETS", ["0", "1", "2"])
    everywhere.main([], [])
    assert "failed" not in everywhere.TABLE.read_text()


def test_a_failing_test_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(everywhere, "ROOT", tmp_path)
    (tmp_path / "test_a.py").write_text("def test_right(): pass\ndef test_wrong(): assert 1 == 2\n")
    assert list(everywhere.run_tests(["test_a.py"])) == ["test_a.py::test_wrong"]
    assert everywhere.run_tests(["test_a.py::test_right"]) == {}
    (tmp_path / "test_b.py").write_text("raise SystemExit(3)\n")
    assert everywhere.run_tests(["test_b.py"]) != {}
