"""The plan of a term: complete, in an order that can be read, and with numbers that add up."""

import re
from collections import Counter

import yaml
from exercise_table import facts
from publish.chapters import ROOT
from publish.sheet_source import sheets
from term_plan import (
    GIVEN,
    further,
    minutes,
    offered,
    outcomes,
    plan,
    sheet,
    times,
    weeks_table,
    workload,
)

TERM = plan(ROOT)
WEEKS = TERM["weeks"]
FILES = {
    chapter["label"]: ROOT / f"{chapter['file']}.md"
    for chapter in yaml.safe_load((ROOT / "course" / "chapters.yml").read_text())
}
# A chapter's one equation of a later chapter is derived in the lecture.
TAUGHT_BEFORE = {("ch-unequal", "ch-sharpness")}


def test_a_chapter_takes_the_time_that_it_states():
    spent = Counter()
    for week in WEEKS:
        spent.update(week["chapters"])
    assert {label: times(ROOT)[label] for label in spent} == dict(spent)
    assert not spent.keys() & further(ROOT).keys()


def test_long_chapters_that_are_divided_say_where():
    weeks = Counter(label for week in WEEKS for label in week["chapters"])
    for week in WEEKS:
        divided = {label for label in week["chapters"] if weeks[label] > 1}
        assert divided == set(week.get("parts", {}))
        for label, part in week.get("parts", {}).items():
            (heading,) = re.findall(r'"(.*?)"', part)
            assert f"## {heading}\n" in FILES[label].read_text()


def test_a_chapter_comes_after_those_that_it_needs():
    first = {}
    for number, week in enumerate(WEEKS):
        for label in week["chapters"]:
            first.setdefault(label, number)
    for label, number in first.items():
        (needs,) = re.findall(r"^\*\*You need\*\*(.*)$", FILES[label].read_text(), re.M)
        for other in re.findall(r"\{ref\}`(ch-[\w-]+)`", needs):
            if (label, other) not in TAUGHT_BEFORE:
                assert first[other] <= number, (label, other)


def test_weeks_are_complete():
    for number, week in enumerate(WEEKS, start=1):
        assert len(week["outcomes"]) == 3
        assert minutes(ROOT, week["class"]) <= TERM["class"] - 15, "time for the last sheet"
        assert 60 <= sheet(ROOT, number) <= 210
        assert sum(week["chapters"].values()) <= 180
    assert len(outcomes(ROOT)) == 6 * len(WEEKS)


def test_exercises_of_a_class_are_of_chapters_that_were_read():
    home = {label: chapter for chapter in FILES for label in facts(ROOT)
            if f":label: {label}\n" in FILES[chapter].read_text()}  # fmt: skip
    read = set()
    for week in WEEKS:
        read |= week["chapters"].keys()
        assert {home[label] for label in week["class"]} <= read


def test_hours_are_the_credits():
    low, high = TERM["credits"]["hours"]
    assert low <= sum(workload(ROOT).values()) / 60 <= high
    assert workload(ROOT)["lectures"] == 14 * 90


def test_sheets_that_are_written_are_about_the_week():
    for written in sheets(ROOT):
        if isinstance(written.week, int) and written.week <= len(WEEKS):
            assert set(written.chapters) <= WEEKS[written.week - 1]["chapters"].keys()


def test_the_student_edition_knows_how_long_sheets_take(tmp_path):
    (tmp_path / "course").mkdir()
    (tmp_path / "course" / "sheets.yml").write_text("2: 42\n")
    assert sheet(tmp_path, 2) == 42


def test_the_plan_of_the_student_edition_leads_to_the_sheets(tmp_path):
    (tmp_path / "course").mkdir()
    (tmp_path / "course" / "sheets.yml").write_text("2: 42\n3: 7\n")
    (tmp_path / GIVEN).mkdir()
    (tmp_path / GIVEN / "02-a.ipynb").write_text("{}")
    assert offered(tmp_path, 2) == "{download}`42 </sheets/02-a.ipynb>`"
    assert offered(tmp_path, 3) == "7"
    assert not any("{download}" in line for line in weeks_table(ROOT))


def test_the_table_has_a_row_for_each_week():
    rows = [line for line in weeks_table(ROOT) if re.match(r"\| \d+ \|", line)]
    assert len(rows) == len(WEEKS) == 14
    assert "{slides}`One random matrix <week-02>`" in rows[1]


def test_questions_for_an_oral_examination():
    text = (ROOT / "course" / "oral.md").read_text()
    parts = re.split(r"^## Week (\d+): ", text, flags=re.M)[1:]
    assert [int(number) for number in parts[::2]] == list(range(1, len(WEEKS) + 1))
    for part in parts[1::2]:
        assert len(re.findall(r"^\*\*.*?\*\* \S", part, re.M)) == 3
        assert part.count("Good: ") == 3


def test_the_self_test_has_ten_questions_with_folded_answers():
    text = (ROOT / "course" / "term.md").read_text()
    assert re.findall(r"^\*\*(\d+)\.\*\*", text, re.M) == [str(k) for k in range(1, 11)]
    assert text.count(":::{admonition} Answer\n:class: dropdown\n") == 10


def test_parts_of_the_grade_add_up():
    weights = re.findall(r"\| (\d+) % \|", (ROOT / "course" / "term.md").read_text())
    assert sum(map(int, weights)) == 100
