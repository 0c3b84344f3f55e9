"""Random draws: initial weights and samples, each from its own reproducible stream.

Draws are made in single precision whatever the precision of the run, so that both precisions train the
same networks on the same data. Arrays are padded with zeros: sizes become multiples of `PAD`, which
keeps every row aligned in memory, and with that the rounding of a matrix product the same in each
row. Zero weights stay zero, so the padding is invisible to the dynamics.
"""

import enum
import math

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


def draw_weights(seed, sizes, like):
    """W^0 .. W^L at initialisation: W^l is [N_{l+1}, N_l] (padded) for `sizes` D, N_1, .., N_L, 1.

    `like` is a tensor of the wanted dtype and device.
    """
    weights = []
    for layer, (below, above) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
        stream = generator(seed, Stream.WEIGHTS, layer, device=like.device)
        drawn = torch.randn(above, below, generator=stream, device=like.device)
        weights.append(zeros(above, below, like=like))
        weights[-1][:above, :below] = drawn
    return weights


class Inputs:
    r"""Gaussian inputs: `eigenvalues` and `target` [D] (padded), and the scale of W^0.

    `scale` is $1/\sqrt D$, or 1 for dimension-free data.
    """

    def __init__(self, eigenvalues, target, scale, noise, like):
        self.dim, self.scale, self.noise = len(eigenvalues), scale, noise
        self.eigenvalues, self.target = (zeros(self.dim, like=like) for _ in range(2))
        self.eigenvalues[: self.dim] = torch.as_tensor(eigenvalues)
        self.target[: self.dim] = torch.as_tensor(target)
        self.amplitudes = self.eigenvalues[: self.dim].sqrt()

    def excess(self, v):
        r"""Excess loss $\sum_i \lambda_i v_i^2 / D$ of each row of v."""
        return self.scale**2 * (self.eigenvalues * v**2).sum(-1)


class Population:
    r"""The gradient of the population loss: $u = \lambda v$."""

    def __init__(self, inputs, seed):
        self.inputs = inputs

    def draw(self, step):
        """Nothing is drawn."""

    def signal(self, v):
        """Error signal u and training loss for each row of v."""
        return self.inputs.eigenvalues * v, self.inputs.excess(v) + self.inputs.noise**2


class Samples:
    r"""Gradients from samples: $\Delta = X v/\sqrt D + \sigma \epsilon$ and $u = \sqrt D\, X^\top \Delta / P$.

    `fresh` samples are drawn at every step and then forgotten; otherwise the first ones stay.
    """

    def __init__(self, inputs, count, fresh, seed):
        like = inputs.eigenvalues
        self.inputs, self.count, self.fresh = inputs, count, fresh
        self.streams = [
            generator(seed, stream, device=like.device) for stream in (Stream.INPUTS, Stream.LABELS)
        ]
        self.X, self.noise = zeros(count, inputs.dim, like=like), zeros(count, like=like)

    def draw(self, step):
        """The samples of this step."""
        if step > 0 and not self.fresh:
            return
        sizes = (self.count, self.inputs.dim), (self.count,)
        X, noise = (
            torch.randn(size, generator=stream, device=self.X.device)
            for size, stream in zip(sizes, self.streams, strict=True)
        )
        self.X[: self.count, : self.inputs.dim] = X * self.inputs.amplitudes
        self.noise[: self.count] = self.inputs.noise * noise

    def signal(self, v):
        """Error signal u and training loss for each row of v."""
        Delta = torch.addmm(self.noise, v, self.X.T, alpha=self.inputs.scale)
        u = (Delta @ self.X) / (self.count * self.inputs.scale)
        return u, (Delta**2).sum(-1) / self.count


def sampling(data, inputs, seed):
    """What the data do to the error of the weights, as `data` has it."""
    for size, fresh in ((data.samples, False), (data.batch, True)):
        if size is not None:
            return Samples(inputs, sample_count(size, inputs), fresh, seed)
    return Population(inputs, seed)


def sample_count(size, inputs):
    return round(size / inputs.scale**2)
