"""Random draws: initial weights and samples, each from its own reproducible stream.

Draws are made on the host and in single precision whatever the device and the precision of the run, so
that a seed is the same network on the same data everywhere, to the last bit: what a device does to the
numbers drawn (one product with a variance's root) is rounded alike on all of them. Later steps agree
to rounding only, since devices order their sums differently.

Arrays are padded with zeros: sizes become multiples of `PAD`, which keeps every row aligned in memory,
and with that the rounding of a matrix product the same in each row. Zero weights stay zero, so the
padding is invisible to the dynamics.
"""

import enum
from itertools import pairwise

import numpy as np
import torch

PAD = 16
"""Sizes are padded to multiples of this (a cache line of single-precision numbers)."""


class Stream(enum.IntEnum):
    """What is drawn; no choice about one stream shifts another."""

    WEIGHTS = 0
    INPUTS = 1
    LABELS = 2


def generator(seed, *stream):
    """An independent random number generator for `seed` and `stream` (a tuple of integers)."""
    state = np.random.SeedSequence(seed, spawn_key=stream).generate_state(1, np.uint64)
    return torch.Generator("cpu").manual_seed(int(state[0] >> np.uint64(1)))


def padded(size):
    return -(-size // PAD) * PAD


def zeros(*sizes, like):
    return like.new_zeros([padded(size) for size in sizes])


def on_host(*sizes, device, dtype=torch.float32):
    """An empty array on the host, from where `device` fetches it while the host goes on."""
    pinned = device.type == "cuda" and torch.cuda.is_available()
    return torch.empty(sizes, dtype=dtype, device="cpu", pin_memory=pinned)


def normal(*sizes, generator):
    """Standard normal numbers, in single precision whatever the default of torch is at the moment."""
    return torch.randn(*sizes, generator=generator, device="cpu", dtype=torch.float32)


def draw_weights(seeds, sizes, like):
    """W^0 .. W^L at initialization: W^l is [N_{l+1}, N_l] (padded) for `sizes` D, N_1, .., N_L, C.

    A list of seeds gives every W^l a leading axis. `like` is a tensor of the wanted dtype and device.
    """
    if isinstance(seeds, int):
        return [W[0] for W in draw_weights([seeds], sizes, like)]
    weights = []
    for layer, (below, above) in enumerate(pairwise(sizes)):
        W = like.new_zeros(len(seeds), padded(above), padded(below))
        for own, seed in zip(W, seeds, strict=True):
            stream = generator(seed, Stream.WEIGHTS, layer)
            own[:above, :below] = normal(above, below, generator=stream)
        weights.append(W)
    return weights
