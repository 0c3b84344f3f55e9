"""Projects: each has a question, a start that runs, a picture of success, and a warning."""

import re

import numpy as np
import pytest
from publish.chapters import ROOT

TEXT = (ROOT / "course" / "projects.md").read_text()
PROJECTS = re.findall(r"^## (.*?)\n(.*?)(?=^## )", TEXT, re.M | re.S)


def test_there_are_ten_projects_and_each_is_complete():
    assert len(PROJECTS) == 10
    for title, text in PROJECTS:
        for part in ("**Question.**", "**A good result.**", "**Where it may fail.**"):
            assert text.count(part) == 1, (title, part)


def test_the_rubric_adds_up():
    assert sum(map(int, re.findall(r"\((\d+)&nbsp;%\)", TEXT))) == 100


@pytest.mark.parametrize(("title", "text"), PROJECTS, ids=[title for title, _ in PROJECTS])
def test_a_start_runs_from_an_empty_kernel(title, text, capsys):
    (code,) = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    exec(compile(code, title, "exec"), {})
    printed = capsys.readouterr().out
    numbers = [float(number) for number in re.findall(r"-?\d+\.\d+(?:e[-+]\d+)?", printed)]
    assert numbers and np.isfinite(numbers).all() and "nan" not in printed
