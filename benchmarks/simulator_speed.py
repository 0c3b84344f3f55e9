"""The simulator against a plain torch loop, against reading its matrices, and against another commit.

D = N = 512, P = 1024, L = 3, 20 steps, 8 learning rates and 2 seeds, single precision. Everything is timed in
turn, in one run: the ratios are of the smallest times. On one thread of a CPU these are times that the
processor has spent, so that other work on the machine matters less; otherwise they are wall times.

    python benchmarks/simulator_speed.py
    git worktree add --detach /tmp/before 73ffb86
    python benchmarks/simulator_speed.py --before /tmp/before

Printed are the ratios to

- a loop over `torch.nn.Linear` layers with the same weights, data and rates, and torch's own SGD: its fastest
  run, times the number of runs;
- reading W(0) and X from memory as often as the steps multiply with them, twice in each: at the speed of
  summing an array that fits no cache;
- the products with W(0) and X alone, with as many rows as there are rates. A number that is read is used
  in 16 operations, so that arithmetic can take as long as reading: printed is also the speed of the
  products beside that of a square one, the most that the device does;
- on a GPU, for steps alone: the speed at which they move what must be moved, W(0), X and all past fields
  once forwards and once backwards in each, beside that of reading;
- with `--before` the same runs, and some of other kinds, as another commit makes them.

Measured on one H100 at D = N = 4096 (3,070 GB/s of reading): steps of 1, 2 and 4 seeds move 910, 1,650 and
1,950 GB/s, 30, 54 and 63 % of the speed of reading; before sums were cut in pieces (`lib.networks.thin_products`)
1,120 GB/s with two. With fewer seeds, or at smaller D, a step takes the 0.9 to 1.1 ms that its launches take.
"""

import argparse
import math
import os
import subprocess
import sys
import time
from itertools import pairwise

import numpy as np
import torch

import lib

RATES = np.linspace(0.005, 0.04, 8)
SEEDS = (0, 1)
DEPTH, STEPS, NOISE = 3, 20, 0.2
LARGE = {"cpu": 2**26, "cuda": 2**30}
"""Numbers that fit no cache, and take longer to read than it takes to ask for it."""


NETWORK, DATA = lib.Network(DEPTH, 1.0), lib.Data(samples=2.0, noise=NOISE)
SWEEP = [lib.GradientDescent(STEPS, rate) for rate in RATES]


def sweep(dim, device, steps=STEPS):
    """The sweep, as a function without arguments."""
    trainings = [lib.GradientDescent(steps, rate) for rate in RATES]
    call = {"dim": dim, "seeds": SEEDS, "dtype": "float32", "device": device}
    return lambda: lib.simulate(NETWORK, DATA, trainings, **call)


def others(device):
    """Other kinds of runs, each a function without arguments."""
    long = [lib.GradientDescent(400, rate) for rate in (0.01, 0.02)]
    small = {"dim": 64, "seeds": 16, "dtype": "float32", "device": device}
    return {
        "64 small networks": lambda: lib.simulate(NETWORK, DATA, SWEEP[::2], **small),
        "fresh batches": lambda: lib.simulate(
            NETWORK, lib.Data(batch=1.0, noise=NOISE), SWEEP[3], dim=200, seeds=8, device=device
        ),
        "history folded away": lambda: lib.simulate(
            NETWORK, lib.Data(), long, dim=100, seeds=4, device=device, progress=False
        ),
    }


def plain_run(network, data, rate, seed, like, dim):
    """Training losses of one network of `torch.nn.Linear` layers under `torch.optim.SGD`."""
    from lib.networks.draws import Stream, draw_weights, generator, normal
    from lib.networks.fields import Architecture
    from lib.networks.finite_data import Inputs

    inputs = Inputs(data, dim, like)
    sizes = Architecture(network, inputs).sizes
    count = inputs.count(data.samples, "samples")
    x, noise = (
        normal(*shape, generator=generator(seed, stream)).to(like.device)
        for shape, stream in (((count, dim), Stream.INPUTS), ((count,), Stream.LABELS))
    )
    y = x.sum(1) / math.sqrt(dim) + data.noise * noise
    layers = [
        torch.nn.Linear(below, above, bias=False, device=like.device)
        for below, above in pairwise(sizes)
    ]
    for layer, W in zip(layers, draw_weights(seed, sizes, like), strict=True):
        layer.weight.data.copy_(W[: layer.out_features, : layer.in_features])
    scales = [1 / math.sqrt(size) for size in sizes[:-2]]
    scales.append(math.sqrt(dim) / (network.richness * sizes[-2]))
    parameters = [layer.weight for layer in layers]
    raw_rate = rate * network.richness**2 * sizes[-2]
    optimizer = torch.optim.SGD(parameters, lr=raw_rate)
    losses = []
    for _ in range(STEPS):
        h = x
        for layer, scale in zip(layers, scales, strict=True):
            h = layer(h) * scale
        loss = ((y - h.squeeze(1)) ** 2).mean() / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(2 * loss.item())
    return losses


class Products:
    """The products with W(0) and X of all steps and seeds, and what it takes to read these matrices."""

    def __init__(self, dim, like):
        heights = [dim] * DEPTH + [2 * dim]
        self.matrices = [like.new_ones(rows, dim) for _ in SEEDS for rows in heights]
        self.rows = [like.new_ones(len(RATES), rows) for _ in SEEDS for rows in heights]
        self.numbers = 2 * (STEPS + 1) * sum(matrix.numel() for matrix in self.matrices)
        self.operations = 2 * len(RATES) * self.numbers
        self.size = self.numbers * like.element_size()

    def __call__(self):
        for _ in range(STEPS + 1):
            for matrix, rows in zip(self.matrices, self.rows, strict=True):
                self.rows[0] @ matrix.T
                rows @ matrix


def clock(device):
    """The time, once `device` has nothing left to do."""
    if device == "cpu":
        return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()
    torch.cuda.synchronize(device)
    return time.perf_counter()


def timed(run, device):
    """Time of a call, and its result."""
    start = clock(device)
    result = run()
    return clock(device) - start, result


def held_bytes(dim, count, like):
    """What one seed of the sweep holds: weights, samples, histories of h and g."""
    weights = DEPTH * dim**2 + dim
    histories = len(RATES) * STEPS * (2 * (DEPTH + 1) * dim + dim)
    return like.element_size() * (weights + count * dim + histories)


class Steps:
    """The steps of the sweep between two of them, on a GPU that trains all seeds together."""

    FIRST, LAST = 20, 120

    def __init__(self, dim, device):
        self.dim, self.device, self.times = dim, device, []
        self.run = sweep(dim, device, self.LAST + 1)

    def time(self):
        """Time them once more."""
        from lib.networks.fields import Lockstep

        step, marks = Lockstep.step, []

        def watched(group, t, sampling):
            losses = step(group, t, sampling)
            if t in (self.FIRST, self.LAST):
                marks.append(clock(self.device))
            return losses

        Lockstep.step = watched
        try:
            self.run()
        finally:
            Lockstep.step = step
        first, last = marks
        self.times.append(last - first)

    def report(self, reading):
        """Print the speed of the fastest, beside that of `reading` [bytes/s]."""
        matrices = (DEPTH + 2) * self.dim**2 + self.dim  # X has 2 D samples
        fields = len(RATES) * ((2 * DEPTH + 1) * self.dim + 1)
        steps = range(self.FIRST + 1, self.LAST + 1)
        moved = 2 * 4 * len(SEEDS) * sum(matrices + t * fields for t in steps)
        speed = moved / min(self.times)
        print(f"a step takes {min(self.times) / len(steps) * 1e3:.3f} ms, and moves", end=" ")
        print(f"{speed / 1e9:.0f} GB/s: {speed / reading:.0%} of the speed of reading")


class Elsewhere:
    """The runs as the checkout in `folder` makes them, in a process that waits in between."""

    def __init__(self, folder, dim, device):
        command = [sys.executable, __file__, "--serve", "--dim", str(dim), "--device", device]
        self.process = subprocess.Popen(
            command,
            env=os.environ | {"PYTHONPATH": folder},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        found = self.process.stdout.readline().strip()
        if not found.startswith(os.path.abspath(folder)):
            raise SystemExit(f"{folder} has no lib of its own: {found} was found.")

    def seconds(self, name):
        """Time of one run."""
        self.process.stdin.write(f"{name}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


def serve(runs, device):
    """Answer every line with the time of the run that it names."""
    for run in runs.values():
        run()
    print(lib.__file__, flush=True)
    for line in sys.stdin:
        print(timed(runs[line.strip()], device)[0], flush=True)


def compare(runs, before, device, repeats=9):
    """Print how much faster each run is than it was."""
    for name, run in runs.items():
        run()
        now, then = [], []
        for _ in range(repeats):
            now.append(timed(run, device)[0])
            then.append(before.seconds(name))
        print(
            f"{name}: {min(now):.4f} s, before {min(then):.4f} s: ratio {min(then) / min(now):.2f}"
        )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--before", help="a checkout of an older commit")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    dim, device = arguments.dim, arguments.device
    ours = sweep(dim, device)
    kinds = {"sweep": ours} | others(device)
    if arguments.serve:
        serve(kinds, device)
        return
    like = torch.empty(0, dtype=torch.float32, device=device)
    products, large = Products(dim, like), like.new_ones(LARGE[like.device.type])
    square = like.new_ones(4 * dim, 4 * dim)
    before = arguments.before and Elsewhere(arguments.before, dim, device)

    ours(), products(), plain_run(NETWORK, DATA, RATES[0], 0, like, dim)  # warm up
    steps = Steps(dim, device) if device != "cpu" else None
    times = {name: [] for name in ("simulate", "plain", "reading", "products", "square")}
    gaps = []
    for k, rate in enumerate(RATES):
        for j, seed in enumerate(SEEDS):
            seconds, runs = timed(ours, device)
            times["simulate"].append(seconds)
            seconds, losses = timed(
                lambda rate=rate, seed=seed: plain_run(NETWORK, DATA, rate, seed, like, dim), device
            )
            times["plain"].append(seconds)
            gaps.append(np.abs(np.array(losses) / runs.train_loss[k, j, :-1] - 1).max())
            times["reading"].append(timed(large.sum, device)[0])
            times["products"].append(timed(products, device)[0])
            times["square"].append(timed(lambda: square @ square, device)[0])
            if steps:
                steps.time()
    best = {name: min(found) for name, found in times.items()}
    fast, plain = best["simulate"], best["plain"] * len(gaps)
    speed = large.numel() * large.element_size() / best["reading"]
    reading = products.size / speed
    reached = products.operations / best["products"]
    most = 2 * len(square) ** 3 / best["square"]
    print(f"{torch.get_num_threads()} threads, {device}, D = N = {dim}, {len(gaps)} runs")
    print(f"lib.simulate {fast:.4f} s; a plain torch loop {plain:.2f} s: ratio {plain / fast:.0f}")
    print(f"reading W(0) and X from memory {reading:.4f} s: ratio {fast / reading:.1f}")
    print(f"products with them {best['products']:.4f} s: ratio {fast / best['products']:.1f}")
    print(f"  at {reached / 1e9:.0f} of the {most / 1e9:.0f} GFLOP/s of a square product;", end=" ")
    print(f"at that speed {products.operations / most / reading:.1f} times the reading")
    if steps:
        steps.report(speed)
    print(f"training losses agree to {max(gaps):.0e}")
    print(f"held in memory for a seed: {held_bytes(dim, 2 * dim, like) / 2**20:.1f} MiB")
    assert max(gaps) < 1e-3
    if before:
        compare(kinds, before, device)


if __name__ == "__main__":
    main()
