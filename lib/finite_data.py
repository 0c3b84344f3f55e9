"""Data of finite size: input directions, samples, and the error signal they make of the weights' error."""

import math

import numpy as np
import torch

from lib import checks
from lib.draws import Stream, generator, zeros


class Inputs:
    r"""The D input directions of a run: their variances and the target on them.

    A mode of mass m stands for m D directions (m itself if the spectrum is dimension-free), each with
    target weight $\beta^*_i = w_k$; the signs do not matter, since the initial weights have none.

    Attributes
    ----------
    dim : int
        D.
    scale : float
        $1/\sqrt D$, or 1 for a dimension-free spectrum: the scale of W^0 and of the inputs.
    eigenvalues, target : [D] (padded)
    """

    def __init__(self, data, dim, like):
        self.data = data
        spectrum = data.spectrum
        self.dim = _dimension(spectrum, dim)
        self.scale = 1.0 if spectrum.dimension_free else 1 / math.sqrt(self.dim)
        counts = _directions(spectrum, self.dim)
        self.eigenvalues, self.target = (zeros(self.dim, like=like) for _ in range(2))
        self.eigenvalues[: self.dim] = torch.from_numpy(np.repeat(spectrum.eigenvalues, counts))
        self.target[: self.dim] = torch.from_numpy(
            np.repeat(np.sqrt(spectrum.target_power), counts)
        )

    def count(self, ratio, what):
        """The number of neurons or samples that `ratio` stands for."""
        if math.isinf(ratio):
            raise ValueError(f"{what} is infinite: networks need a finite number.")
        number = round(ratio / self.scale**2)
        if number < 1:
            raise ValueError(
                f"{what} {ratio:g} gives no unit at dim {self.dim}: use a larger dim or {what}."
            )
        return number

    def excess(self, v):
        r"""Excess loss $\sum_i \lambda_i v_i^2 / D$ of each row of v."""
        return self.scale**2 * (self.eigenvalues * v**2).sum(-1)

    def sampling(self, seed):
        """The rule for u given v that belongs to the data regime."""
        if self.data.samples is not None:
            return Samples(self, self.count(self.data.samples, "samples"), seed)
        if self.data.batch is not None:
            return FreshSamples(self, self.count(self.data.batch, "batch"), seed)
        return Population(self)


def _dimension(spectrum, dim):
    if not spectrum.dimension_free:
        if dim is None:
            raise ValueError("dim is missing: give the input dimension D of the networks.")
        return checks.integer("dim", dim)
    if dim is not None and checks.integer("dim", dim) != spectrum.modes:
        raise ValueError(
            f"dim is {dim}, but the dimension-free spectrum has {spectrum.modes} modes: leave dim out."
        )
    return spectrum.modes


def _directions(spectrum, dim):
    """Whole numbers of directions for each mode, as near to mass * dim as they can sum to dim."""
    if spectrum.dimension_free:
        return spectrum.mass.astype(int)
    ends = np.round(np.cumsum(spectrum.mass) * dim).astype(int)
    counts = np.diff(ends, prepend=0)
    if (counts == 0).any():
        raise ValueError(
            f"dim {dim} leaves mode {int(np.argmin(counts))} of the spectrum without a direction: "
            "use a larger dim or fewer modes."
        )
    return counts


class Population:
    r"""The gradient of the population loss: $u = \lambda v$."""

    def __init__(self, inputs):
        self.inputs = inputs

    def draw(self, step):
        """Nothing is drawn."""

    def signal(self, v):
        """Error signal u and training loss for each row of v."""
        return self.inputs.eigenvalues * v, self.inputs.excess(v) + self.inputs.data.noise**2


class FreshSamples:
    r"""Gradients from samples that are drawn at every step and then forgotten.

    $\Delta = X v/\sqrt D + \sigma \epsilon$ and $u = \sqrt D\, X^\top \Delta / B$.
    """

    def __init__(self, inputs, count, seed):
        like = inputs.eigenvalues
        self.inputs, self.number = inputs, count
        self.amplitudes = like[: inputs.dim].sqrt()
        self.streams = [
            generator(seed, stream, device=like.device) for stream in (Stream.INPUTS, Stream.LABELS)
        ]
        self.X, self.noise = zeros(count, inputs.dim, like=like), zeros(count, like=like)

    def draw(self, step):
        """The samples of this step."""
        of_inputs, of_labels = self.streams
        device = self.X.device
        X = torch.randn(self.number, self.inputs.dim, generator=of_inputs, device=device)
        labels = torch.randn(self.number, generator=of_labels, device=device)
        self.X[: self.number, : self.inputs.dim] = X * self.amplitudes
        self.noise[: self.number] = self.inputs.data.noise * labels

    def signal(self, v):
        """Error signal u and training loss for each row of v."""
        Delta = torch.addmm(self.noise, v, self.X.T, alpha=self.inputs.scale)
        u = (Delta @ self.X) / (self.number * self.inputs.scale)
        return u, (Delta**2).sum(-1) / self.number


class Samples(FreshSamples):
    """Gradients from samples that are drawn once."""

    def draw(self, step):
        """The samples of the first step stay."""
        if step == 0:
            super().draw(step)
