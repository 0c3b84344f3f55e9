"""Long horizons: how much nodes and a compressed past save, and how far they are from exact values.

Processor time, the least of a few runs, so that other work on the machine matters less. The march row by
row is `lib.solve` with `grid=lib.EveryStep()`; every other line is `lib.solve` on nodes, or,
for fresh batches, with a compressed past.
Run from the repository root: python benchmarks/long_horizons.py
With `--before FOLDER`, a checkout of an older commit (git worktree add FOLDER COMMIT), ten thousand steps of
fresh batches are solved there too, in turn; with `--longest 100000` as many steps are solved here.
"""

import argparse
import math
import os
import subprocess
import sys
import time

import numpy as np

import lib

REPEATS = 3


def least(network, data, training, repeats=REPEATS, **options):
    """Least processor seconds of a few solutions, and the solution."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        solution = lib.solve(network, data, training, **options)
        times.append(time.process_time() - start)
    return min(times), solution


def difference(solution, reference):
    """Largest relative difference of excess and training loss at the times of `reference`."""
    found = solution.at(reference.times)
    return max(
        np.abs(getattr(found, loss) / getattr(reference, loss) - 1).max()
        for loss in ("excess_loss", "train_loss")
    )


def six_hundred_steps():
    """The ratio of the times of every step and of nodes, for five problems."""
    problems = (
        (0.5, 1.5, 0.3, 0.02),
        (1.0, 2.0, 0.3, 0.02),
        (0.5, 2.0, 0.3, 0.005),
        (0.5, 2.0, 0.5, 0.05),
        (2.0, 1.2, 0.1, 0.03),
    )
    for width, alpha, noise, rate in problems:
        problem = (
            lib.Network(3, width),
            lib.Data(samples=alpha, noise=noise),
            lib.GradientDescent(600, rate),
        )
        rows, exact = least(*problem, repeats=2, grid=lib.EveryStep(), keep_matrices=False)
        nodes, solved = least(*problem)
        error = difference(solved, exact)
        print(
            f"600 steps, L = 3, nu = {width}, alpha = {alpha}, eta = {rate}: every step {rows:.2f} s, "
            f"nodes {nodes:.2f} s, ratio {rows / nodes:.1f} (target 10), differ by {error:.0e} (1e-8)"
        )
        assert error < 1e-8


def a_million_steps():
    """Early against every step, late against least squares."""
    sigma = 0.3
    for alpha, rate in ((1.5, 0.02), (2.0, 0.01)):
        network, data = lib.Network(2, 0.5), lib.Data(samples=alpha, noise=sigma)
        seconds, solved = least(network, data, lib.GradientDescent(10**6, rate), repeats=1)
        early = lib.solve(network, data, lib.GradientDescent(240, rate), grid=lib.EveryStep())
        late = max(
            abs(solved.excess_loss[-1] / (sigma**2 / (alpha - 1)) - 1),
            abs(solved.train_loss[-1] / (sigma**2 * (1 - 1 / alpha)) - 1),
        )
        print(
            f"10^6 steps, L = 2, alpha = {alpha}, eta = {rate}: {seconds:.1f} s (target 10), "
            f"{solved.status.name}, early {difference(solved, early):.0e}, late {late:.0e} (1e-6)"
        )
        assert late < 1e-6


def flow():
    """Gradient flow on repeated data to t = 100, against a tolerance a hundred times smaller."""
    problem = lib.Network(2, 0.5), lib.Data(samples=1.5, noise=0.3)
    seconds, solved = least(*problem, lib.GradientFlow(100, 1e-8))
    finer = lib.solve(*problem, lib.GradientFlow(100, 1e-9))
    print(
        f"flow to t = 100, L = 2: {seconds:.2f} s (target 1), differs from a finer one by "
        f"{difference(solved, finer):.0e}"
    )


def hard_task(modes, b=0.5):
    """Modes lambda = 2^-k with shares lambda^b of the loss."""
    eigenvalues = 2.0 ** -np.arange(modes)
    share = eigenvalues**b
    return lib.Spectrum.trace_class(eigenvalues, share / share.sum() / eigenvalues)


def eight_decades():
    """Gradient flow at infinite width on power-law data, t to 10^8."""
    for depth in (1, 2, 3, 4):
        network = lib.Network(depth, math.inf, 3.0, centered=True)
        data = lib.Data(spectrum=hard_task(70))
        seconds, solved = least(network, data, lib.GradientFlow(1e8, 1e-6), repeats=1)
        print(
            f"flow to t = 10^8, power law, L = {depth}: {seconds:.1f} s (target 5), "
            f"{solved.status.name}, estimated error {solved.error:.0e}"
        )


def a_power_law():
    """10^5 steps at finite width and samples, early against every step."""
    network = lib.Network(2, 256, 0.125)
    data = lib.Data(samples=512, spectrum=lib.Spectrum.power_law(512, 1.5, 0.75))
    grid = lib.Nodes(1e-4)
    seconds, solved = least(network, data, lib.GradientDescent(10**5, 0.1), repeats=1, grid=grid)
    early = lib.solve(network, data, lib.GradientDescent(2000, 0.1), grid=lib.CompressedPast(1e-8))
    error = difference(solved, early)
    print(
        f"10^5 steps, power law, N = 256, P = 512: {seconds:.1f} s (target 30), "
        f"{solved.status.name}, the first 2000 {error:.0e} (1e-4)"
    )
    assert error < 1e-4


def fresh_batches():
    """One-pass SGD: a compressed past against every step, and ten thousand steps."""
    network = lib.Network(4, 256, centered=True)
    data = lib.Data(batch=16, spectrum=lib.Spectrum.power_law(1000, 1.5, 0.5))
    short = lib.GradientDescent(400, 0.02)
    rows, exact = least(network, data, short, 1, grid=lib.EveryStep(), keep_matrices=False)
    past, solved = least(network, data, short)
    error = difference(solved, exact)
    print(
        f"400 steps of SGD, power law, L = 4: every step {rows:.1f} s, compressed past {past:.2f} s, "
        f"ratio {rows / past:.0f}, differ by {error:.0e}"
    )
    assert error < 1e-8
    return network, data


def many_fresh_batches(problem, steps, before):
    """Many steps of one-pass SGD here, and in the folder `before`, if there is one."""
    seconds, solved = least(*problem, lib.GradientDescent(steps, 0.02), 1)
    print(f"{steps} steps: {seconds:.0f} s, estimated error {solved.error:.0e}", flush=True)
    if before is None:
        return
    code = (
        "import time, lib; start = time.process_time(); "
        "s = lib.solve(lib.Network(4, 256, centered=True), lib.Data(batch=16, "
        "spectrum=lib.Spectrum.power_law(1000, 1.5, 0.5)), "
        f"lib.GradientDescent({steps}, 0.02)); "
        "print(time.process_time() - start, repr(float(s.excess_loss[-1])))"
    )
    environment = os.environ | {"PYTHONPATH": os.path.abspath(before)}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=before, capture_output=True, check=True
    )
    old, loss = map(float, run.stdout.split())
    print(
        f"{steps} steps in {before}: {old:.0f} s, ratio {old / seconds:.1f} (target 4), last losses differ "
        f"by {abs(solved.excess_loss[-1] / loss - 1):.0e}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", help="a checkout of an older commit")
    parser.add_argument("--longest", type=int, default=10**4, help="steps of fresh batches")
    options = parser.parse_args()
    six_hundred_steps()
    a_million_steps()
    flow()
    eight_decades()
    a_power_law()
    problem = fresh_batches()
    many_fresh_batches(problem, 10**4, options.before)
    if options.longest > 10**4:
        many_fresh_batches(problem, options.longest, None)


if __name__ == "__main__":
    main()
