"""Executed notebooks are kept as long as what they rest on stays; what fails is never kept."""

import execute
import kept_runs
import pytest

HEAD = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# {title}

{prose}

```{{code-cell}} ipython3
{options}{code}
```
"""
OPTIONS = """\
---
mystnb:
  figure:
    caption: {caption}
---
"""


def page(book, name, code, prose="Words.", caption="First caption."):
    options = OPTIONS.format(caption=caption)
    text = HEAD.format(title=name, prose=prose, options=options, code=code)
    (book / "chapters" / f"{name}.md").write_text(text)


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A book of three pages, whose runs are kept in a folder of its own."""
    monkeypatch.setattr(kept_runs, "KEPT", tmp_path / "runs")
    monkeypatch.setattr(execute, "KEPT", tmp_path / "runs")
    monkeypatch.setattr(execute, "foreign_package", lambda folder: "")
    monkeypatch.setenv("LIVE_FIGURES", "page")
    root = tmp_path / "book"
    (root / "chapters").mkdir(parents=True)
    (root / "_config.yml").write_text("execute:\n  timeout: 60\n")
    names = ["good", "wrong", "noisy"]
    listed = "".join(f"- file: chapters/{name}\n" for name in names)
    (root / "_toc.yml").write_text(f"format: jb-book\nroot: index\nchapters:\n{listed}")
    (root / "index.md").write_text("# Index\n")
    page(root, "good", "print(6 * 7)")
    page(root, "wrong", "assert 6 * 7 == 41, 'not 41'")
    page(root, "noisy", "import sys\nprint('careful', file=sys.stderr)")
    return root


def runs(output):
    return output.count(" starts, ")


def test_only_what_changed_is_executed_and_failures_are_not_kept(book, capfd):
    known, failures = execute.execute_all(book)
    assert set(known) == {"chapters/good", "chapters/wrong", "chapters/noisy"}
    assert set(failures) == {"chapters/wrong", "chapters/noisy"}
    assert execute.in_a_line(failures["chapters/wrong"]) == "AssertionError: not 41"
    assert execute.in_a_line(failures["chapters/noisy"]).endswith("stderr: careful")
    shown = capfd.readouterr().out
    assert "assert 6 * 7 == 41" in shown and "chapters/wrong FAILED" in shown
    assert runs(shown) == 3

    page(book, "wrong", "assert 6 * 7 == 42")
    page(book, "noisy", "print('careful')")
    page(book, "good", "print(6 * 7)", prose="Better words.", caption="Better caption.")
    assert execute.execute_all(book)[1] == {}
    shown = capfd.readouterr().out
    assert runs(shown) == 2 and "chapters/good starts" not in shown

    cache = kept_runs.KeptRuns()
    good = execute.read(book / "chapters" / "good.md")
    cache.merge_match_into_notebook(good)
    code = good.cells[-1]
    assert code.outputs[0].text == "42\n"
    assert code.metadata.mystnb.figure.caption == "Better caption."
    assert "shell.execute_reply" in code.metadata.execution

    page(book, "good", "print(6 * 7 + 1)")
    assert execute.execute_all(book)[1] == {}
    assert runs(capfd.readouterr().out) == 1


def test_a_failing_page_makes_the_command_fail(book, capsys):
    with pytest.raises(SystemExit) as ended:
        execute.main(book)
    assert ended.value.code == 1
    assert "2 of the pages failed" in capsys.readouterr().out


def test_half_a_run_does_not_count(book):
    execute.execute_all(book, only=["chapters/good"])
    cache, notebook = kept_runs.KeptRuns(), execute.read(book / "chapters" / "good.md")
    assert execute.is_kept(cache, notebook)
    (file,) = kept_runs.KEPT.rglob("base.ipynb")
    file.write_text(file.read_text()[:50])
    assert not execute.is_kept(cache, notebook)
    file.unlink()
    assert not execute.is_kept(cache, notebook)


def test_the_state_is_that_of_package_versions_and_settings(tmp_path, monkeypatch):
    for name in kept_runs.SETTINGS:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "lib").mkdir()
    module = tmp_path / "lib" / "module.py"
    module.write_text("x = 1\n")
    states = [kept_runs.state(tmp_path)]
    monkeypatch.setenv("SEED_OFFSET", "0")
    assert kept_runs.state(tmp_path) == states[0]
    for name in kept_runs.SETTINGS:
        monkeypatch.setenv(name, "7")
        states.append(kept_runs.state(tmp_path))
    module.write_text("x = 2\n")
    states.append(kept_runs.state(tmp_path))
    module.rename(module.with_name("other.py"))
    states.append(kept_runs.state(tmp_path))
    versions = [
        found
        for found in kept_runs.importlib.metadata.distributions()
        if found.metadata["Name"] != "numpy"
    ]
    monkeypatch.setattr(kept_runs.importlib.metadata, "distributions", lambda: versions)
    states.append(kept_runs.state(tmp_path))
    assert len(set(states)) == len(states)
    module.with_name("other.py").touch()
    assert kept_runs.state(tmp_path) == states[-1]


def test_a_page_that_ran_while_the_package_changed_is_not_kept(book, monkeypatch):
    monkeypatch.setattr(execute, "state", lambda: "another")
    _, failures = execute.execute_all(book, only=["chapters/good"])
    assert "changed while" in failures["chapters/good"]
    assert not execute.is_kept(kept_runs.KeptRuns(), execute.read(book / "chapters" / "good.md"))


def test_the_longest_starts_first(book, monkeypatch):
    monkeypatch.setattr(execute, "known_times", lambda: {"chapters/good": 5, "chapters/wrong": 9})
    waiting = execute.notebooks(book)
    order = ["chapters/noisy", "chapters/wrong", "chapters/good"]
    assert execute.longest_first(waiting) == order


def test_processes_and_threads_together_take_no_more_than_the_cores(monkeypatch):
    monkeypatch.setattr(execute.joblib, "cpu_count", lambda: 4)
    for threads, processes in (("1", 4), ("2", 2), ("3", 1), ("8", 1)):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        assert execute.processes() == processes


def test_another_package_in_place_of_ours_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(execute.ROOT))
    assert execute.foreign_package(tmp_path) == ""
    (tmp_path / "lib").mkdir()
    assert execute.foreign_package(tmp_path) == ""
    (tmp_path / "lib" / "__init__.py").touch()
    assert "Troubleshooting" in execute.foreign_package(tmp_path)
    assert "## Troubleshooting" in (execute.ROOT / "README.md").read_text()


def test_the_oldest_states_are_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_runs, "KEPT", tmp_path)
    monkeypatch.setattr(kept_runs, "STATES", 2)
    for age, name in enumerate(("new", "older", "oldest")):
        (tmp_path / name).mkdir()
        database = tmp_path / name / "global.db"
        database.touch()
        kept_runs.os.utime(database, (1e9 - age, 1e9 - age))
    kept_runs.prune()
    assert {folder.name for folder in tmp_path.iterdir()} == {"new", "older"}
