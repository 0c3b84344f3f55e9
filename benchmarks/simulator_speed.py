"""The simulator against a plain torch loop: the same networks, data and learning rates.

D = N = 512, P = 1024, L = 3, 20 steps, 8 learning rates and 2 seeds, single precision. Prints the ratio
of wall times, the distance of the learning curves from each other, and the simulator's memory. Times
are the smallest of several, so that other work on the machine matters less; the time of the plain loop is
that of its fastest run, times the number of runs.
"""

import argparse
import math
import time
from itertools import pairwise

import numpy as np
import torch

import lib
from lib.networks.draws import Stream, draw_weights, generator
from lib.networks.fields import Architecture
from lib.networks.finite_data import Inputs

RATES = np.linspace(0.005, 0.04, 8)
SEEDS = (0, 1)
DEPTH, STEPS, NOISE = 3, 20, 0.2


def plain_run(network, data, rate, seed, like, dim):
    """Training losses of one network of `torch.nn.Linear` layers under `torch.optim.SGD`."""
    inputs = Inputs(data, dim, like)
    sizes = Architecture(network, inputs).sizes
    count = inputs.count(data.samples, "samples")
    x, noise = (
        torch.randn(
            shape, generator=generator(seed, stream, device=like.device), device=like.device
        )
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


def timed(run):
    """Wall time of a call, and its result."""
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def held_bytes(dim, count, like):
    """What one seed of the sweep holds: weights, samples, histories of h and g."""
    weights = DEPTH * dim**2 + dim
    histories = len(RATES) * STEPS * (2 * (DEPTH + 1) * dim + dim)
    return like.element_size() * (weights + count * dim + histories)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dim", type=int, default=512)
    arguments = parser.parse_args()
    dim, device = arguments.dim, arguments.device
    network, data = lib.Network(DEPTH, 1.0), lib.Data(samples=2.0, noise=NOISE)
    trainings = [lib.GradientDescent(STEPS, rate) for rate in RATES]
    like = torch.empty(0, dtype=torch.float32, device=device)

    def ours():
        return lib.simulate(
            network, data, trainings, dim=dim, seeds=SEEDS, dtype="float32", device=device
        )

    def plain(rate, seed):
        return plain_run(network, data, rate, seed, like, dim)

    ours(), plain(RATES[0], 0)  # warm up
    fast, slow, gaps = [], [], []
    for k, rate in enumerate(RATES):
        for j, seed in enumerate(SEEDS):
            seconds, runs = timed(ours)
            fast.append(seconds)
            seconds, losses = timed(lambda rate=rate, seed=seed: plain(rate, seed))
            slow.append(seconds)
            gaps.append(np.abs(np.array(losses) / runs.train_loss[k, j, :-1] - 1).max())
    total = len(slow) * min(slow)
    print(f"{torch.get_num_threads()} threads, {device}, D = N = {dim}, {len(slow)} runs")
    print(
        f"plain torch loop {total:.2f} s, lib.simulate {min(fast):.4f} s: ratio {total / min(fast):.0f}"
    )
    print(f"training losses agree to {max(gaps):.0e}")
    print(f"held in memory for a seed: {held_bytes(dim, 2 * dim, like) / 2**20:.1f} MiB")
    assert max(gaps) < 1e-3


if __name__ == "__main__":
    main()
