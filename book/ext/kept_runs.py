"""Outputs of executed notebooks are kept, and used again as long as nothing they rest on has changed.

What they rest on: the code of the notebook, all of `lib`, the installed packages, Python, and the
environment variables in SETTINGS. jupyter-cache finds a run by its code; here each state of the rest has
a cache of its own, so that a run with another `lib` is never taken. Text, captions and alternative
texts are those of the source, whatever the run had.

`book/execute.py` fills the cache before the book is built.

The cache is jupyter-cache's; only its key is ours.
"""

import functools
import hashlib
import importlib.metadata
import os
import shutil
import sys
from pathlib import Path

import myst_nb.core.execute.cache as execute_from_cache
from jupyter_cache.cache.main import JupyterCacheBase

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "_build" / "runs"
"""One folder for each state of package, versions and settings."""

SETTINGS = {
    "SEED_OFFSET": "0",
    "OPENBLAS_CORETYPE": "",
    "ATEN_CPU_CAPABILITY": "",
    "OPENBLAS_NUM_THREADS": "",
    "OMP_NUM_THREADS": "",
}
"""Environment variables that may change a number, and what it means that one is not there."""

STATES = 12
"""So many states keep their runs; the ones longest unused go."""

OURS = "deep-linear-dynamics"


def state(root=ROOT):
    """A name for all that outputs depend on beside the notebook's own code."""
    versions = {
        (found.metadata["Name"], found.version) for found in importlib.metadata.distributions()
    }
    parts = [
        sys.version,
        *(f"{name}={os.environ.get(name, absent)}" for name, absent in SETTINGS.items()),
    ]
    parts += [f"{name}=={version}" for name, version in sorted(versions) if name != OURS]
    digest = hashlib.sha256("\n".join(parts).encode())
    for file in sorted((Path(root) / "lib").rglob("*.py")):
        digest.update(f"\n{file.relative_to(root).as_posix()}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


class KeptRuns(JupyterCacheBase):
    """The cache of the present state."""

    def __init__(self, path=None):
        self.state = state()
        super().__init__(KEPT / self.state)

    def create_hashed_notebook(self, nb, nb_metadata=("kernelspec",), cell_metadata=("tags",)):
        """A cell's tags say whether it may fail: they count as code."""
        return super().create_hashed_notebook(nb, nb_metadata, cell_metadata)

    def merge_match_into_notebook(
        self, nb, nb_meta=("kernelspec", "language_info", "widgets"), cell_meta=("execution",)
    ):
        """Of a kept cell, outputs and times; its caption and other settings are the source's.

        They go into `nb` itself, which myst-nb then offers for download.
        """
        key, merged = super().merge_match_into_notebook(nb, nb_meta, cell_meta)
        nb.update(merged)
        return key, nb


def prune():
    """Forget the states that were not used for longest."""
    folders = sorted(KEPT.glob("*/global.db"), key=lambda file: file.stat().st_mtime)
    for file in folders[:-STATES]:
        shutil.rmtree(file.parent)


def setup(app):
    # One for all pages of a build: asking for versions and files takes as long as many a page.
    execute_from_cache.get_cache = functools.cache(KeptRuns)
    return {"parallel_read_safe": True}
