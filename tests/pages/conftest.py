"""Chromium, axe-core, and the pages of the built book, each opened once."""

import functools
import os
import pickle
import shutil
from pathlib import Path

import pytest
from visit import visit

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "_build" / "html"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""Resolved when what has changed is drawn."""

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def missing(message):
    """A tool of the tests is missing: a failure in CI, a skip on a reader's machine."""
    if "CI" in os.environ:
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def chromium():
    executable = shutil.which("chromium")
    if executable is None:
        missing("Chromium is missing: install Debian's package 'chromium'")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe():
    """The source of axe-core."""
    if not AXE.exists():
        missing("axe-core is missing: install Node.js with npm, then run `make node_modules`")
    return AXE.read_text()


@pytest.fixture(scope="session")
def opened(chromium, tmp_path_factory):
    """A function from a page's name to its `Visit`; every page is opened once.

    Processes that test side by side leave their visits to each other: a page takes ten seconds.
    """
    source = AXE.read_text() if AXE.exists() else None
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent

    @functools.cache
    def found(name):
        kept = folder / "visits" / f"{name}.pickle"
        if kept.exists():
            return pickle.loads(kept.read_bytes())
        seen = visit(chromium, (BOOK / name).as_uri(), source)
        kept.parent.mkdir(parents=True, exist_ok=True)
        writing = kept.with_suffix(f".{os.getpid()}")
        writing.write_bytes(pickle.dumps(seen))
        writing.rename(kept)
        return seen

    return found
