"""Where samples come from: Gaussian inputs and labels, or given ones; each seed has its own streams.

Random numbers, and the choice among given samples, are made on the host for a block of steps and
brought to the device at once; the samples of a step are made of them there.
"""

import numpy as np
import torch

from lib.networks.draws import Stream, generator, on_host, padded
from lib.networks.trained_weights import repeated

BLOCK_BYTES = 2**26
"""What is drawn ahead for a device other than the host; there samples are drawn when they are needed."""


def block_length(size, device):
    """Steps that are drawn at once, when the draws of one have `size` bytes."""
    return 1 if device.type == "cpu" else max(1, BLOCK_BYTES // size)


class Gaussian:
    """Samples with Gaussian inputs and Gaussian label noise.

    Parameters
    ----------
    inputs : Inputs
    seeds : list of int
    count : int
        Samples of a step, for each seed.
    """

    def __init__(self, inputs, seeds, count):
        self.inputs, self.count = inputs, count
        like, outputs = inputs.eigenvalues, len(inputs.target)
        self.amplitudes = like[: inputs.dim].sqrt()
        self.streams = [
            [generator(seed, stream) for stream in (Stream.INPUTS, Stream.LABELS)] for seed in seeds
        ]
        self.shapes = (count, inputs.dim), (outputs, count)
        self.block = block_length(4 * len(seeds) * count * (inputs.dim + outputs), like.device)
        self.X = like.new_zeros(len(seeds), padded(count), len(like))
        self.noise = like.new_zeros(len(seeds), outputs, padded(count))
        self.drawn = []

    def draw(self, steps):
        """Draw for the next `steps` steps."""
        device = self.X.device
        drawn = [on_host(steps, len(self.X), *shape, device=device) for shape in self.shapes]
        for step in range(steps):
            for seed, streams in enumerate(self.streams):
                for kind, stream in zip(drawn, streams, strict=True):
                    kind[step, seed].normal_(generator=stream)
        there = [kind.to(device, non_blocking=True) for kind in drawn]
        self.drawn = list(zip(*there, strict=True))

    def rows(self):
        """Inputs [seeds, count, D] and label noise [seeds, C, count] (padded) of the next step drawn."""
        inputs, labels = self.drawn.pop(0)
        X, noise = self.X[:, : self.count, : self.inputs.dim], self.noise[..., : self.count]
        torch.mul(inputs, self.amplitudes, out=X)
        torch.mul(labels, self.inputs.data.noise, out=noise)
        return self.X, self.noise

    def excess(self, v, train):
        """Excess loss of the population for each row of v."""
        return self.inputs.excess(v)


class Resampled:
    """Samples drawn from a dataset with replacement; the dataset is the population."""

    def __init__(self, inputs, seeds, count):
        self.inputs, self.count = inputs, count
        self.streams = [generator(seed, Stream.INPUTS) for seed in seeds]
        self.size = len(inputs.dataset)
        self.residuals = inputs.dataset.residuals.reshape(self.size, -1)
        self.floors = inputs.eigenvalues.new_tensor(np.mean(self.residuals**2, axis=0))
        self.block = block_length(8 * len(seeds) * padded(count), inputs.eigenvalues.device)
        self.drawn = []

    def choose(self, stream):
        """Numbers of the samples of one step of one seed."""
        return torch.randint(self.size, (self.count,), generator=stream, device="cpu")

    def draw(self, steps):
        """Choose for the next `steps` steps; padding takes the sample of zeros that follows the others."""
        device, sizes = self.inputs.eigenvalues.device, (steps, len(self.streams))
        chosen = on_host(*sizes, padded(self.count), device=device, dtype=torch.int64)
        chosen[..., self.count :] = self.size
        for step in range(steps):
            for seed, stream in enumerate(self.streams):
                chosen[step, seed, : self.count] = self.choose(stream)
        self.drawn = list(chosen.to(device, non_blocking=True))

    def rows(self):
        """Inputs [seeds, count, D] and label residuals [seeds, C, count] (padded) of the next step drawn."""
        coefficients, residuals = self.inputs.given
        chosen = self.drawn.pop(0)
        return coefficients[chosen], residuals[chosen].mT.contiguous()

    def excess(self, v, train):
        """Excess loss of the population for each row of v."""
        return self.inputs.excess(v)


class Split(Resampled):
    """A training set drawn from a dataset without replacement; what is left over is the test set."""

    def __init__(self, inputs, seeds, count):
        super().__init__(inputs, seeds, count)
        if count >= self.size:
            raise ValueError(
                f"samples is {count} of a dataset of {self.size}: leave some of it for the test."
            )

    def choose(self, stream):
        """Numbers of the training samples of one seed; the rest is held out."""
        return torch.randperm(self.size, generator=stream, device="cpu")[: self.count]

    def excess(self, v, train):
        r"""Loss on the held-out samples without the noise floor $\sigma^2$, for each row of v.

        A sum over them is one over the dataset, where $\sum_\mu \Delta_\mu^2 = n(\sum_k \lambda_k v_k^2 + \sigma^2)$
        because the residuals are orthogonal to the inputs, less one over the training set. With several
        outputs each has its own $\sigma^2$.
        """
        floor = repeated(self.floors[:, None], v.shape[-2])[:, 0]
        total = self.size * (self.inputs.excess(v) + floor)
        return (total - self.count * train) / (self.size - self.count) - floor
