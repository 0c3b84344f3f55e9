"""Write what the branch of notebooks holds: `python -m publish.notebooks FOLDER`.

Each chapter as an .ipynb without outputs, and beside them the package and the files from which pip and
Binder install it.
"""

import shutil
import sys
from pathlib import Path

import jupytext
import nbformat
from plain_notebook import portable
from repository import repository, requirement

from publish.chapters import ROOT, chapters

BESIDE = [
    "lib",
    "binder",
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
    for chapter in chapters(root):
        target = folder / chapter.with_suffix(".ipynb")
        target.parent.mkdir(exist_ok=True)
        nbformat.write(portable(jupytext.read(Path(root) / chapter), needs), target)


if __name__ == "__main__":
    write(sys.argv[1])
