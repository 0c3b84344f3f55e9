"""Reported against true errors of random problems, on nodes and with a compressed past: numbers and a figure.

Run from the root of the repository: python benchmarks/honest_errors.py [problems] [figure.png].
"""

import sys
from pathlib import Path

import numpy as np

root = Path(__file__).parent.parent
sys.path[:0] = [str(root), str(root / "tests")]

from references.problems import random_problem, true_error  # noqa: E402

import lib  # noqa: E402
from lib.pictures import plots  # noqa: E402


def errors(grid, problems, longest=150):
    """(true, reported) [2, problems solved], of the problems that `grid` can solve and that converge."""
    steady, found = isinstance(grid, lib.CompressedPast), []
    for seed in range(problems):
        problem = random_problem(seed, longest, steady)
        if not steady and problem[1].batch is not None:
            continue
        exact = lib.solve(*problem, grid=lib.EveryStep(), keep_matrices=False)
        if exact.status.name == "COMPLETE":
            solved = lib.solve(*problem, grid=grid)
            found.append((true_error(solved.at(exact.times), exact), solved.error))
    return np.array(found).T


def figure(measured):
    """Each problem a point: honest above the diagonal, within a factor of a hundred below the other line."""
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(5, 4))
    for color, (name, (true, reported)) in zip(plots.PALETTE, measured.items(), strict=False):
        ax.loglog(true + 1e-13, reported + 1e-13, "o", ms=4, color=color, label=name)
    line = np.array([1e-13, 1e-2])
    ax.loglog(line, line, "k-", lw=1)
    ax.loglog(line, 100 * line, "k:", lw=1)
    ax.set(xlabel="true error (plus $10^{-13}$)", ylabel="reported error (plus $10^{-13}$)")
    ax.legend()
    return fig


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    grids = [lib.Nodes(1e-6), lib.Nodes(1e-8), lib.CompressedPast(1e-4), lib.CompressedPast(1e-7)]
    measured = {f"{type(g).__name__}, {g.tolerance:.0e}": errors(g, count) for g in grids}
    for name, (true, reported) in measured.items():
        honest = (true <= reported + 1e-9).mean()
        near = (reported < 100 * (true + 1e-11)).mean()
        print(f"{name}: {len(true)} problems, honest {honest:.0%}, below 100 times {near:.0%}")
    if len(sys.argv) > 2:
        figure(measured).savefig(sys.argv[2], dpi=150, bbox_inches="tight")
