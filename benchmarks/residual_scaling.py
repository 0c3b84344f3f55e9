"""Time and memory of the residual solver against depth and steps: slopes, and the largest case.

Run from the repository root: python benchmarks/residual_scaling.py
"""

import math
import resource
import time

import numpy as np

import lib

REPEATS = 3


def seconds(depth, steps):
    """Least processor time of a few solutions."""
    problem = (
        lib.Network(depth, 1.0, branch_scale=1.0),
        lib.Data(),
        lib.GradientDescent(steps, 0.01),
    )
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        lib.solve(*problem, grid=lib.EveryStep(), keep_matrices=False)
        times.append(time.process_time() - start)
    return min(times)


def slope(sizes, times):
    return np.polyfit(np.log(sizes), np.log(times), 1)[0]


def main():
    start = time.perf_counter()
    lib.solve(lib.Network(64, 1.0, branch_scale=1.0), lib.Data(), lib.GradientDescent(200, 0.01))
    wall = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"L = 64, 200 steps: {wall:.1f} s, {peak:.2f} GB for the whole process (target 10 s, 1 GB)"
    )

    depths = (8, 16, 32, 64)
    times = [seconds(depth, 100) for depth in depths]
    print("100 steps, L =", depths, "seconds:", np.round(times, 2))
    print(f"slope in L: {slope(depths, times):.2f} (expected 1)")

    steps = (100, 200, 400)
    times = [seconds(8, n) for n in steps]
    print("L = 8, T =", steps, "seconds:", np.round(times, 2))
    print(f"slope in T: {slope(steps, times):.2f} (at most 3; row by row overhead lowers it)")

    for n in (60, 200):
        print(
            f"infinite depth, {n} steps: {seconds(math.inf, n):.2f} s; L = 16: {seconds(16, n):.2f} s"
        )


if __name__ == "__main__":
    main()
