"""The branch of notebooks: every link has its target there, and the first cell installs the package."""

import ast
import re
import subprocess
import sys
import tomllib
from urllib.parse import parse_qs, unquote, urlsplit

import nbformat
import pytest
from exercise_table import LEVELS
from names import names
from plain_notebook import plain, portable
from publish.chapters import ROOT, chapters, notebooks
from publish.notebooks import write
from publish.student import FOLDER, leaks, secrets, solutions
from repository import BRANCH, EXTRAS, binder, colab, repository, requirement, site


@pytest.fixture(scope="module")
def branch(tmp_path_factory):
    folder = tmp_path_factory.mktemp("branch") / "notebooks"
    write(folder)
    return folder


def target(link):
    """The repository, branch and file that a Colab or Binder link opens."""
    parts = urlsplit(link)
    path = unquote(parts.path).strip("/").split("/")
    if parts.netloc == "colab.research.google.com":
        assert path[0] == "github" and path[3] == "blob"
        return "/".join(path[1:3]), path[4], "/".join(path[5:])
    assert parts.netloc == "mybinder.org" and path[:2] == ["v2", "gh"]
    return "/".join(path[2:4]), path[4], parse_qs(parts.query)["labpath"][0]


@pytest.mark.parametrize("page", notebooks(), ids=str)
@pytest.mark.parametrize("service", [colab, binder])
@pytest.mark.parametrize("edition", ["", FOLDER])
def test_links_find_their_notebook(branch, page, service, edition):
    url = repository(ROOT)
    name, there, file = target(service(url, f"{edition}{page.with_suffix('')}"))
    assert (name, there) == (urlsplit(url).path.strip("/"), BRANCH)
    assert (branch / file).is_file()


@pytest.mark.parametrize("page", notebooks(), ids=str)
@pytest.mark.parametrize("edition", ["", FOLDER])
def test_notebooks_are_plain_and_without_outputs(branch, page, edition):
    notebook = nbformat.read(branch / edition / page.with_suffix(".ipynb"), 4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            left = r"```\{|:::|\{[a-z:]+\}`|^\([\w-]+\)=$|data-live"
            assert not re.search(left, cell.source, re.M), cell.source
        else:
            assert cell.outputs == [] and cell.execution_count is None
    assert requirement(repository(ROOT)) in notebook.cells[0].source
    text = (ROOT / page).read_text()
    if edition:
        hidden = solutions(text)
        labels = re.findall(r"^:label: (\S+)\n```\nBy hand", text, re.M)
        by_hand = sum(f"{{solution-start}} {label}\n" in text for label in labels)
        expected = len(hidden) - by_hand - sum(answer.count("{code-cell}") for answer in hidden)
    else:
        expected = 0
    expected += text.count("{code-cell}") + 1
    assert sum(cell.cell_type == "code" for cell in notebook.cells) == expected


def test_notebooks_for_students_have_no_solutions(branch):
    secret = secrets([(ROOT / chapter).read_text() for chapter in chapters()])
    assert leaks((branch / FOLDER).rglob("*.ipynb"), secret) == []
    assert leaks((branch / "chapters").rglob("*.ipynb"), secret)


def test_directives_become_plain_markdown():
    text = (
        "(ch-width)=\n# Why?\nSee {eq}`power-exponent`, {ref}`words <z>`, {cite:t}`saxe2014exact`, "
        "{cite}`jacot2018neural`. {ref}`ch-power-laws` and {ref}`ch-power-laws`, "
        "{numref}`fig-power-depth`, {ref}`power-exercise-code`.\n\n"
        "```{math}\n:label: power-exponent\na = b\n```\n\n"
        ":::{admonition} In short.\n:class: in-short\nOne.\n\nTwo.\n:::\n\n"
        "```{exercise-start}\n:label: power-exercise-code\n```\nTry.\n```{exercise-end}\n```\n"
        "```{solution-start} power-exercise-code\n:class: dropdown\n```\nSo.\n"
    )
    # The numbers themselves are compared with those of the built pages.
    known = names(ROOT)
    level, minutes, *_ = known.efforts["power-exercise-code"]
    equation = known.equation("power-exponent")
    exercise = f"Exercise {known.numbers['exercise', 'power-exercise-code']}"
    number, title = known.chapters["ch-power-laws"]
    assert equation.startswith(f"({number}.") and exercise == f"Exercise {number}.2"
    assert plain(text) == (
        f"# {known.chapters['ch-width'][0]}. Why?\nSee {equation}, words, Saxe et al. [2014], "
        f"[Jacot et al., 2018]. Chapter {number} ({title}) and chapter {number}, "
        f"{known.figure('fig-power-depth')}, {exercise}.\n\n"
        f"$$\na = b \\tag{{{equation[1:-1]}}}\n$$\n\n> **In short.**\n>\n> One.\n>\n> Two.\n\n"
        f"**{exercise} ({LEVELS[level]}, {minutes} minutes).**\nTry.\n\n"
        f"**Solution of {exercise.lower()}.**\nSo."
    )


def test_captions_and_sources_go_with_a_notebook():
    figure = {
        "name": "fig-power-lazy",
        "caption": "Lazy, {eq}`power-lazy` {cite}`jacot2018neural`.",
    }
    cell = nbformat.v4.new_code_cell("draw()", metadata={"mystnb": {"figure": figure}})
    found = portable(nbformat.v4.new_notebook(cells=[cell]), "book").cells
    number, equation = names(ROOT).figure("fig-power-lazy"), names(ROOT).equation("power-lazy")
    assert found[1].source == "draw()"
    assert found[2].source == f"**{number}** Lazy, {equation} [Jacot et al., 2018]."
    assert found[3].source.startswith("## What is cited\n\n- Jacot et al., 2018. Arthur Jacot")


@pytest.mark.slow
def test_the_first_cell_installs_the_package(branch, tmp_path):
    """As on Colab, with the repository's address replaced by a local one."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for command in (["init", "-q", "-b", BRANCH], ["add", "-A"], ["commit", "-qm", "notebooks"]):
        subprocess.run([*git, *command], cwd=branch, check=True)
    cell = nbformat.read(branch / chapters()[0].with_suffix(".ipynb"), 4).cells[0].source
    (line,) = [line for line in cell.splitlines() if "%pip install" in line]
    wanted = re.search('"(.+)"', line)[1].replace(
        repository(ROOT), f"file://localhost{branch.as_posix()}"
    )
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(tmp_path),
    ]
    subprocess.run([*pip, wanted], check=True)
    installed = {path.name for path in (tmp_path / "lib").glob("*.py")}
    assert installed == {path.name for path in (ROOT / "lib").glob("*.py")}


def imports(code):
    """Names of the packages that Python code imports."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module.split(".")[0])
    return found - sys.stdlib_module_names - {"lib"}


def test_what_notebooks_import_is_installed(branch):
    """By the extras that the first cell and Binder ask for."""
    project = tomllib.loads((branch / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(project["optional-dependencies"][e] for e in EXTRAS)]
    names = re.findall(r"[\w-]+(?=>=)|ipython", str(wanted))
    installed = {{"scikit-learn": "sklearn", "ipython": "IPython"}.get(n, n) for n in names}
    for path in branch.rglob("*.ipynb"):
        for cell in nbformat.read(path, 4).cells[1:]:
            if cell.cell_type == "code":
                assert imports(cell.source) <= installed, path
    needed = {name for path in (branch / "lib").rglob("*.py") for name in imports(path.read_text())}
    assert needed <= installed
    assert f"[{','.join(EXTRAS)}]" in (branch / ".binder" / "postBuild").read_text()


def test_the_first_cell_is_python_beside_its_magic(branch):
    cell = nbformat.read(branch / chapters()[0].with_suffix(".ipynb"), 4).cells[0].source
    ast.parse(cell.replace("%pip", "None; #"))


def test_the_repository_a_build_runs_in_replaces_only_the_placeholder(tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_REPOSITORY", "Someone/book")
    config = tmp_path / "_config.yml"
    config.write_text("repository:\n  url: https://github.com/OWNER/REPO\n")
    assert repository(tmp_path) == "https://github.com/Someone/book"
    assert site(repository(tmp_path)) == "https://someone.github.io/book/"
    config.write_text("repository:\n  url: https://github.com/them/theirs/\n")
    assert repository(tmp_path) == "https://github.com/them/theirs"
