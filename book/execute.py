"""Execute the book's notebooks side by side: `python -m execute [FOLDER]`, which holds the sources.

Only those are executed that are not kept (see `ext/kept_runs.py`). One that fails, or writes to stderr,
is not kept; its cell and traceback are shown, the others go on, and the command fails in the end.
"""

import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import joblib
import yaml
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from kept_runs import KEPT, ROOT, KeptRuns, prune, state
from myst_nb.core.config import NbParserConfig
from myst_nb.core.read import create_nb_reader
from myst_parser.config.main import MdParserConfig
from publish.chapters import pages
from traitlets.config import Config

ANEW = "course/"
"""Pages here tell of this copy (when it was built, how it is cited): they are executed in every build."""

COLORS = re.compile(r"\x1b\[[0-9;]*m")
ERROR = re.compile(r"[\w.]*(Error|Exception|Interrupt)\b")


def read(file):
    """The notebook in a page's source as myst-nb reads it; None without code."""
    text = file.read_text()
    reader = create_nb_reader(str(file), MdParserConfig(), NbParserConfig(), text)
    notebook = reader.read(text) if reader else None
    if notebook and any(cell.cell_type == "code" for cell in notebook.cells):
        return notebook
    return None


def notebooks(root):
    """The pages of the book that hold code, with their notebooks."""
    listed = pages(yaml.safe_load((root / "_toc.yml").read_text()))
    found = {page: read(root / f"{page}.md") for page in listed}
    return {page: notebook for page, notebook in found.items() if notebook}


def is_kept(cache, notebook):
    """Whether there is a run to read; an interrupted build may have left half of one."""
    try:
        cache.merge_match_into_notebook(notebook)
    except (KeyError, ValueError):
        return False
    return True


def longest_first(waiting):
    """Pages in the order in which they start: by their last time, before them those without, by length."""
    times = known_times()

    def length(page):
        code = sum(len(cell.source) for cell in waiting[page].cells if cell.cell_type == "code")
        return (page not in times, times.get(page, 0.0), code)

    return sorted(waiting, key=length, reverse=True)


def known_times():
    """Seconds that each page ran when it last did."""
    file = KEPT / "seconds.json"
    return json.loads(file.read_text()) if file.exists() else {}


def keep_time(page, seconds):
    (KEPT / "seconds.json").write_text(json.dumps(known_times() | {page: round(seconds, 1)}))


def processes():
    """As many as there are cores for, when each has its threads."""
    return max(1, joblib.cpu_count() // int(os.environ.get("OMP_NUM_THREADS", 1)))


def say(text):
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def stderr(notebook):
    """What the cells wrote there, except where they are tagged to be shown without it."""
    return "".join(
        output.text
        for cell in notebook.cells
        if "remove-stderr" not in cell.metadata.get("tags", [])
        for output in cell.get("outputs", [])
        if output.get("name") == "stderr"
    )


def execute(page, notebook, folder, timeout, left):
    """The executed notebook, its seconds, and what went wrong ("" if nothing did)."""
    say(f"{page} starts, {left} wait")
    try:
        # Kernels that start at once could be given the same port; files do not collide.
        with tempfile.TemporaryDirectory() as sockets:
            ours = Config(KernelManager={"transport": "ipc", "ip": f"{sockets}/kernel"})
            run = single_nb_execution(
                notebook, folder, timeout, False, record_timing=True, config=ours
            )
    except Exception as error:  # a kernel that died, for one: no reason to stop the other pages
        return notebook, 0.0, f"{type(error).__name__}: {error}"
    wrong = str(run.err or "")
    if not wrong and (written := stderr(run.nb)):
        wrong = f"Something was written to stderr:\n{written}"
    return run.nb, run.time, wrong


def foreign_package(folder):
    """A sentence if pages in `folder` would import another package `lib` than this book's."""
    ask = [sys.executable, "-c", "import lib; print(lib.__file__)"]
    found = subprocess.run(ask, cwd=folder, capture_output=True, text=True, check=False)
    ours, theirs = ROOT / "lib" / "__init__.py", found.stdout.strip()
    if theirs and Path(theirs).resolve() == ours.resolve():
        return ""
    return f"`import lib` finds {theirs or 'nothing'} in place of {ours}: see Troubleshooting in README.md"


def execute_all(root, only=()):
    """Execute what is not kept; all pages with code, and what went wrong in them, by page.

    `only` has beginnings of pages: the others are left out.
    """
    os.environ["LIVE_FIGURES"] = "page"
    timeout = yaml.safe_load((root / "_config.yml").read_text())["execute"]["timeout"]
    if sentence := foreign_package(root / "course"):
        sys.exit(sentence)
    cache = KeptRuns()
    known = notebooks(root)
    if only:
        known = {page: known[page] for page in known if page.startswith(tuple(only))}
    waiting = {
        page: notebook
        for page, notebook in known.items()
        if page.startswith(ANEW) or not is_kept(cache, notebook)
    }
    order = longest_first(waiting)
    at_once = min(processes(), max(len(order), 1))
    say(f"{len(known) - len(order)} pages are kept, {len(order)} run, {at_once} at once")
    failures = {}
    pool = ProcessPoolExecutor(at_once)
    try:
        tasks = {}
        for place, page in enumerate(order, 1):
            folder = str((root / page).parent)
            left = len(order) - place
            task = pool.submit(execute, page, waiting[page], folder, timeout, left)
            tasks[task] = page
        for task in as_completed(tasks):
            page, (notebook, seconds, wrong) = tasks[task], task.result()
            if not wrong and state() != cache.state:
                wrong = "lib or the installed packages changed while the book was executed"
            if wrong:
                failures[page] = wrong
                say(f"{page} FAILED after {seconds:.0f} s")
                print(wrong, flush=True)
                continue
            bundle = CacheBundleIn(
                notebook, str(root / f"{page}.md"), data={"execution_seconds": seconds}
            )
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
            keep_time(page, seconds)
            say(f"{page} ran {seconds:.0f} s")
        pool.shutdown()
    except BaseException:
        # Somebody stops the build: nothing that waits starts, what runs ends.
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in multiprocessing.active_children():
            worker.kill()  # its kernel notices, and ends too
        raise
    prune()
    return list(known), failures


def in_a_line(wrong):
    """The line that says what went wrong."""
    lines = COLORS.sub("", wrong).splitlines()
    return ([line for line in lines if ERROR.match(line)] or [" ".join(lines[:2])])[-1]


def main(folder=ROOT):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("The build was stopped."))
    _, failures = execute_all(Path(folder).resolve())
    if failures:
        print(f"\n{len(failures)} of the pages failed; the others are kept:")
        for page, wrong in failures.items():
            print(f"  {page}: {in_a_line(wrong)}")
        sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
