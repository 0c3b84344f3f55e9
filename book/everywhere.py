"""Does the book hold on other machines and for other seeds? `python -m everywhere [PAGE ..]`.

The notebooks and the tests run under each of SETTINGS, one after another; a table says what passed, and
below it stands what did not. OFFSETS in the environment names three seed offsets to try.
"""

import os
import re
import subprocess
import sys
import time

from execute import ROOT, execute_all, in_a_line, processes

OFFSETS = os.environ.get("OFFSETS", "0 1000 2000000").split()

CHOICES = (
    ("own", 4, 1),
    ("Haswell", 2, 2),
    ("Prescott", 2, 0),
    ("Haswell", 1, 1),
    ("Prescott", 1, 2),
    ("own", 1, 0),
)
"""Kernel of OpenBLAS (AVX2, SSE, or what it takes by itself), threads, place in OFFSETS.

Every kernel with two numbers of threads and two offsets, every offset with two kernels. First what is
farthest from what `make book` and `make test` try.
"""

TORCH = {"Haswell": "avx2", "Prescott": "default"}
"""The same processors in the words of torch, whose random numbers depend on it in single precision."""

PASSIVE = {"OMP_WAIT_POLICY": "passive", "OPENBLAS_THREAD_TIMEOUT": "4"}
"""Threads with nothing to do sleep: there may be more of them than cores."""

TABLE = ROOT / "_build" / "everywhere.md"


def choose(kernel, threads, offset):
    """Set the environment of all processes that start from here."""
    for name, value in (("OPENBLAS_CORETYPE", kernel), ("ATEN_CPU_CAPABILITY", TORCH.get(kernel))):
        os.environ.pop(name, None)
        if kernel != "own":
            os.environ[name] = value
    os.environ["SEED_OFFSET"] = offset
    os.environ.update(PASSIVE)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)


def chosen_kernel():
    """What numpy's OpenBLAS says it uses in a process that starts now."""
    ask = "import numpy, threadpoolctl; print(threadpoolctl.threadpool_info()[0]['architecture'])"
    return subprocess.check_output([sys.executable, "-c", ask], text=True).strip()


def run_tests(chosen):
    """What failed, by test; pages are not tested, they are made once. Random examples are new ones."""
    side_by_side = ["-n", str(processes()), "--maxprocesses", "8", "--dist", "worksteal"]
    anew = ["-m", "not pages", "--hypothesis-profile=default"]
    command = [sys.executable, "-m", "pytest", "-q", *side_by_side, *anew, *chosen]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    print(run.stdout[-3000:], flush=True)
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)(?: - (.*))?", run.stdout, re.MULTILINE)
    if run.returncode and not failed:
        return {"tests": (run.stdout + run.stderr).strip().splitlines()[-1]}
    return dict(failed)


def table(results):
    """Markdown: a line for each page with what it did in each setting, then what failed."""
    names = list(results)
    rows = sorted({row for ran, _ in results.values() for row in ran})
    lines = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for row in rows:
        cells = ("failed" if results[name][0][row] else "passed" for name in names)
        lines.append(f"| {row} | {' | '.join(cells)} |")
    lines.append("")
    for name in names:
        for row, wrong in results[name][0].items():
            lines += [f"- {name}: {row}: {text}" for text in wrong]
        lines.append(f"- {name}: {results[name][1] / 60:.0f} minutes")
    return "\n".join(lines) + "\n"


def main(pages, tests):
    results = {}
    for kernel, threads, place in CHOICES:
        offset = OFFSETS[place]
        choose(kernel, threads, offset)
        name = f"{kernel} ({chosen_kernel()}), threads: {threads}, seeds from {offset}"
        print(f"\n{name}", flush=True)
        start = time.time()
        known, failures = execute_all(ROOT, pages)
        ran = {page: [in_a_line(failures[page])] if page in failures else [] for page in known}
        failed = run_tests(tests)
        ran["tests"] = [f"{test} {why}".strip() for test, why in failed.items()]
        results[name] = ran, time.time() - start
        TABLE.write_text(table(results))
    print("\n" + TABLE.read_text())
    if any(wrong for ran, _ in results.values() for wrong in ran.values()):
        sys.exit(1)


if __name__ == "__main__":
    given = sys.argv[1:]
    main(
        [name for name in given if not name.startswith("tests/")],
        [name for name in given if name.startswith("tests/")],
    )
