"""How time and memory of `lib.solve` at every step grow: fitted slopes over steps T and depth L.

Repeated data, plain network. Expected: memory ~ L T^2, time ~ L T^3. Time is processor time, so that
other work on the machine matters less; memory is the peak that numpy allocated.

First the march is compared with a plain one (`plain_march.py`) in turn, the least of a few runs each, on
one thread if OPENBLAS_NUM_THREADS=1. Each row reads whole matrices and multiplies each number it reads once, so
that for many steps the memory sets the pace of both.
"""

import argparse
import time
import tracemalloc

import numpy as np
from plain_march import plain_march

import lib

DATA = lib.Data(samples=2.0, noise=0.3)
STEPS = (200, 400, 800, 1600)
DEPTHS = (4, 8, 16, 32, 64)
FIXED_DEPTH, FIXED_STEPS = 2, 150


def cost(depth, steps):
    """Processor seconds and peak bytes of one solution."""
    network, training = lib.Network(depth, 1.0), lib.GradientDescent(steps, 0.06 / (depth + 1))
    tracemalloc.start()
    start = time.process_time()
    solution = lib.solve(network, DATA, training, grid=lib.EveryStep())
    seconds = time.process_time() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert solution.status.name == "COMPLETE" and solution.residual < 1e-9
    return seconds, peak


def against_plain(repeats=4):
    """How much faster than a plain march: every step, and nodes at 1e-8."""
    depth, samples, noise, rate = 3, 2.0, 0.5, 0.02
    network, data = lib.Network(depth, 1.0), lib.Data(samples=samples, noise=noise)

    def solved(steps, grid):
        training = lib.GradientDescent(steps, rate)
        solution = lib.solve(network, data, training, grid=grid, keep_matrices=False)
        return solution.excess_loss, solution.train_loss

    ways = {
        "plain": lambda steps: plain_march(depth, samples, noise, steps, rate),
        "every step": lambda steps: solved(steps, lib.EveryStep()),
        "nodes": lambda steps: solved(steps, lib.Nodes(1e-8)),
    }
    for steps in (200, 400, 600):
        seconds, losses = dict.fromkeys(ways, np.inf), {}
        for _ in range(repeats):
            for name, way in ways.items():
                start = time.process_time()
                losses[name] = np.stack(way(steps))
                seconds[name] = min(seconds[name], time.process_time() - start)
        off = [np.abs(losses[name] / losses["plain"] - 1).max() for name in ("every step", "nodes")]
        ratios = [seconds["plain"] / seconds[name] for name in ("every step", "nodes")]
        print(
            f"T = {steps}, L = {depth}: plain {seconds['plain']:.2f} s, every step {ratios[0]:.2f} times as "
            f"fast (target 2), nodes {ratios[1]:.1f} times (target 10 at T = 600); "
            f"differ by {off[0]:.0e}, {off[1]:.0e}"
        )
        assert off[0] < 1e-11 and off[1] < 1e-8


def report(name, sizes, costs):
    """Print the costs, and return the slopes of time and memory over the last three `sizes`."""
    for size, (seconds, peak) in zip(sizes, costs, strict=True):
        print(f"{name} = {size:5d}: {seconds:8.2f} s {peak / 2**20:9.1f} MiB")
    slopes = np.polyfit(np.log(sizes[-3:]), np.log(costs[-3:]), 1)[0]
    print(f"time ~ {name}^{slopes[0]:.2f}, memory ~ {name}^{slopes[1]:.2f}")
    return slopes


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--longest", type=int, default=STEPS[-1], help="leave out more steps")
    longest = parser.parse_args().longest
    cost(1, 20)  # warm up
    against_plain()
    steps = [T for T in STEPS if T <= longest]
    _, memory = report("T", steps, [cost(FIXED_DEPTH, T) for T in steps])
    _, memory_depth = report("L", DEPTHS, [cost(L, FIXED_STEPS) for L in DEPTHS])
    assert abs(memory - 2) < 0.1
    assert abs(memory_depth - 1) < 0.15  # the input layer is there at any depth


if __name__ == "__main__":
    main()
