"""Data of finite size: input directions, samples, and the error signal they make of the weights' error."""

import math

import numpy as np
import torch

from lib import checks
from lib.networks.draws import padded, zeros
from lib.networks.samples import Gaussian, Resampled, Split
from lib.networks.thin_products import Thin
from lib.networks.trained_weights import repeated


class Inputs:
    r"""The D input directions of a run: their variances and the target on them.

    A mode of mass m stands for m D directions (m itself if the spectrum is dimension-free). With one
    output each has target weight $\beta^*_i = w_k$; the signs do not matter, since the initial weights
    have none. With C outputs the directions of a mode carry the C vectors of `target_vectors`.

    Attributes
    ----------
    dataset : Dataset or None
        Where samples come from; None for Gaussian samples of this covariance.
    dim : int
        D.
    scale : float
        $1/\sqrt D$, or 1 for a dimension-free spectrum: the scale of W^0 and of the inputs.
    eigenvalues : [D] (padded)
    target : [C, D] (padded)
    given : ([n + 1, D] (padded), [n + 1, C])
        Coefficients and label residuals of the dataset, if there is one, and a sample of zeros.

    Raises
    ------
    ValueError
        If a mode has fewer directions than its target covariance has rank, or the directions do not fit
        the memory that is left.
    """

    def __init__(self, data, dim, like, dataset=None, outputs=1):
        self.data, self.dataset = data, dataset
        spectrum = data.spectrum
        self.dim = _dimension(spectrum, dim)
        what, advice = f"dim {self.dim}", "use a smaller dim"
        if spectrum.dimension_free:
            what, advice = f"networks with {self.dim} inputs, one for each mode,", "use fewer modes"
        checks.memory(what, 80 * self.dim * outputs, advice)
        self.scale = 1.0 if spectrum.dimension_free else 1 / math.sqrt(self.dim)
        counts = _directions(spectrum, self.dim)
        self.eigenvalues = zeros(self.dim, like=like)
        self.target = torch.stack([zeros(self.dim, like=like) for _ in range(outputs)])
        self.eigenvalues[: self.dim] = torch.from_numpy(np.repeat(spectrum.eigenvalues, counts))
        if dataset is None:
            vectors = target_vectors(spectrum.target_covariance(outputs), counts)
        elif dataset.target.shape[1] != outputs:
            raise ValueError(
                f"the dataset has {dataset.target.shape[1]} label(s) per sample, the network {outputs} "
                "output(s): give outputs the same number."
            )
        else:
            vectors = dataset.target.T.copy()
            residuals = dataset.residuals.reshape(len(dataset), -1)
            kept = len(dataset) + 1
            self.given = like.new_zeros(kept, padded(self.dim)), like.new_zeros(kept, outputs)
            for given, values in zip(self.given, (dataset.coefficients, residuals), strict=True):
                given[:-1, : values.shape[1]] = torch.from_numpy(values.copy())
        self.target[:, : self.dim] = torch.from_numpy(vectors)

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

    @property
    def samples(self):
        """Samples held at a time: P, B, or none for the population."""
        for what in ("samples", "batch"):
            if getattr(self.data, what) is not None:
                return self.count(getattr(self.data, what), what)
        return 0

    def excess(self, v):
        r"""Excess loss $\sum_i \lambda_i v_i^2 / D$ of each row of v."""
        return self.scale**2 * (self.eigenvalues * v.square()).sum(-1)

    def sampling(self, seed, steps=1):
        """The rule for u given v that belongs to the data regime, for one seed or, stacked, for several.

        Steps are drawn ahead in blocks, up to `steps` of them in all; one after the other from there on.
        """
        if self.data.samples is not None:
            kind, given, drawn = Samples, Split, Gaussian
        elif self.data.batch is not None:
            kind, given, drawn = FreshSamples, Resampled, Gaussian
        else:
            return Population(self)
        stacked = not isinstance(seed, int)
        source = drawn if self.dataset is None else given
        source = source(self, seed if stacked else [seed], self.samples)
        return kind(self, source, steps, stacked)


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


def target_vectors(covariance, counts):
    r"""Target weights of C outputs whose covariance within each mode is exact.

    In a mode of n directions $\frac1n \sum_i \beta^*_{ic} \beta^*_{id} = \Sigma_{cd}$ for
    $\beta^*_{ic} = \sum_j A_{cj} b_{ij}$ with $A A^\top = \Sigma$ and the columns of the discrete
    cosine transform, $\frac1n \sum_i b_{ij} b_{ik} = \delta_{jk}$; which orthogonal columns they are
    does not matter, since neither inputs nor initial weights prefer a direction within a mode.

    Parameters
    ----------
    covariance : [M, C, C]
        Sigma of each mode.
    counts : [M] ints
        n of each mode.

    Returns
    -------
    [C, D]
    """
    powers, axes = np.linalg.eigh(covariance)
    powers, axes = powers[:, ::-1], axes[:, :, ::-1]
    kept = powers > 1e-12 * np.abs(powers).max(axis=1, keepdims=True)
    short = kept.sum(axis=1) > counts
    if short.any():
        mode = int(np.argmax(short))
        raise ValueError(
            f"mode {mode} of the spectrum has {counts[mode]} direction(s), too few for a target "
            f"covariance of rank {kept[mode].sum()}: use a larger dim (or counts), or a covariance of "
            "smaller rank, as Spectrum.from_data makes them."
        )
    A = axes * np.sqrt(np.where(kept, powers, 0))[:, None]
    mode = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(mode)) - np.repeat(np.cumsum(counts) - counts, counts)
    order = np.arange(covariance.shape[1])
    waves = np.cos(np.pi * np.outer((place + 0.5) / counts[mode], order))
    waves[:, 1:] *= math.sqrt(2)
    return np.einsum("icj,ij->ci", A[mode], waves)


class Population:
    r"""The gradient of the population loss: $u = \lambda v$."""

    def __init__(self, inputs):
        self.inputs = inputs

    def draw(self, step):
        """Nothing is drawn."""

    def excess(self, v, train):
        """Excess loss on samples not trained on, for each row of v; `train` is that of `signal`."""
        return self.inputs.excess(v)

    def signal(self, v):
        """Error signal u and training loss for each row of v."""
        return self.inputs.eigenvalues * v, self.inputs.excess(v) + self.inputs.data.noise**2


class FreshSamples:
    r"""Gradients from samples that are drawn at every step and then forgotten.

    $\Delta = X v/\sqrt D + \sigma \epsilon$ and $u = \sqrt D\, X^\top \Delta / B$.
    """

    stay = False

    def __init__(self, inputs, source, steps, stacked):
        self.inputs, self.source, self.number = inputs, source, source.count
        self.steps, self.seeds = steps, slice(None) if stacked else 0

    def draw(self, step):
        """The samples of the step that comes next: inputs [.., B, D], label noise [.., C, B]."""
        if not self.source.drawn:
            self.source.draw(max(1, min(self.source.block, self.steps - step)))
        X, noise = self.source.rows()
        self.X, self.noise = Thin(X[self.seeds], stays=self.stay), noise[self.seeds]

    def excess(self, v, train):
        """Excess loss on samples not trained on, for each row of v; `train` is that of `signal`."""
        return self.source.excess(v, train)

    def signal(self, v):
        """Error signal u and training loss for each row of v."""
        noise = repeated(self.noise, v.shape[-2])
        Delta = torch.add(noise, self.X.up(v), alpha=self.inputs.scale)
        u = self.X.down(Delta) / (self.number * self.inputs.scale)
        return u, Delta.square().sum(-1) / self.number


class Samples(FreshSamples):
    """Gradients from samples that are drawn once."""

    stay = True

    def draw(self, step):
        """The samples of the first step stay."""
        if step == 0:
            self.steps = 1
            super().draw(step)
