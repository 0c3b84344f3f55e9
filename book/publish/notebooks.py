"""Write what the branch of notebooks holds: `python -m publish.notebooks FOLDER`.

Each chapter and the explorer as an .ipynb without outputs, in `student/` once more without solutions, and
beside them the package and the files from which pip and Binder install it.
"""

import shutil
import sys
from pathlib import Path

import jupytext
import nbformat
from plain_notebook import portable
from repository import repository, requirement

from publish.chapters import ROOT, notebooks
from publish.student import FOLDER, for_students

BESIDE = [
    "lib",
    ".binder",
    "pyproject.toml",
    "constraints.txt",
    "LICENSE",
    "LICENSE-text",
    "README.md",
]


def write(folder, root=ROOT):
    """Fill `folder`, which must not exist, with the content of the branch."""
    folder, needs = Path(folder), requirement(repository(root))
    folder.mkdir(parents=True)
    for name in BESIDE:
        source = Path(root) / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    for page in notebooks(root):
        text = (Path(root) / page).read_text()
        for place, shown in ((folder, text), (folder / FOLDER, for_students(text))):
            target = place / page.with_suffix(".ipynb")
            target.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(portable(jupytext.reads(shown, fmt="md:myst"), needs), target)


if __name__ == "__main__":
    write(sys.argv[1])
