"""Random draws: initial weights and samples, each from its own reproducible stream.

Draws are made in single precision whatever the precision of the run, so that both precisions train the
same networks on the same data. Arrays are padded with zeros: sizes become multiples of `PAD`, which
keeps every row aligned in memory, and with that the rounding of a matrix product the same in each
row. Zero weights stay zero, so the padding is invisible to the dynamics.
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


def generator(seed, *stream, device="cpu"):
    """An independent random number generator for `seed` and `stream` (a tuple of integers)."""
    state = np.random.SeedSequence(seed, spawn_key=stream).generate_state(1, np.uint64)
    return torch.Generator(device).manual_seed(int(state[0] >> np.uint64(1)))


def padded(size):
    return -(-size // PAD) * PAD


def zeros(*sizes, like):
    return like.new_zeros([padded(size) for size in sizes])


def normal(*sizes, generator):
    """Standard normal numbers, in single precision whatever the default of torch is at the moment."""
    return torch.randn(*sizes, generator=generator, device=generator.device, dtype=torch.float32)


def draw_weights(seed, sizes, like):
    """W^0 .. W^L at initialization: W^l is [N_{l+1}, N_l] (padded) for `sizes` D, N_1, .., N_L, C.

    `like` is a tensor of the wanted dtype and device.
    """
    weights = []
    for layer, (below, above) in enumerate(pairwise(sizes)):
        stream = generator(seed, Stream.WEIGHTS, layer, device=like.device)
        drawn = normal(above, below, generator=stream)
        weights.append(zeros(above, below, like=like))
        weights[-1][:above, :below] = drawn
    return weights
