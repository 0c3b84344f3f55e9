"""Where samples come from: Gaussian inputs and labels, or given ones; each seed has its own streams."""

import numpy as np
import torch

from lib.networks.draws import Stream, generator, normal, padded, zeros
from lib.networks.trained_weights import repeated


class Stacked:
    """The samples of several seeds, one above the other."""

    def __init__(self, sources):
        self.sources = sources

    def rows(self, count):
        """Inputs [seeds, count, D] and label noise [seeds, C, count] (padded)."""
        drawn = [source.rows(count) for source in self.sources]
        return tuple(torch.stack(parts) for parts in zip(*drawn, strict=True))

    def excess(self, v, train):
        """As that of each seed: how it is measured does not depend on the samples."""
        return self.sources[0].excess(v, train)


class Gaussian:
    """Samples with Gaussian inputs and Gaussian label noise."""

    def __init__(self, inputs, seed):
        self.inputs = inputs
        self.amplitudes = inputs.eigenvalues[: inputs.dim].sqrt()
        self.streams = [
            generator(seed, stream, device=inputs.eigenvalues.device)
            for stream in (Stream.INPUTS, Stream.LABELS)
        ]

    def rows(self, count):
        """Inputs [count, D] and label noise [C, count] (padded), new ones at every call."""
        of_inputs, of_labels = self.streams
        like, outputs = self.inputs.eigenvalues, len(self.inputs.target)
        X = zeros(count, self.inputs.dim, like=like)
        noise = torch.stack([zeros(count, like=like) for _ in range(outputs)])
        drawn = normal(count, self.inputs.dim, generator=of_inputs)
        labels = normal(outputs, count, generator=of_labels)
        X[:count, : self.inputs.dim] = drawn * self.amplitudes
        noise[:, :count] = self.inputs.data.noise * labels
        return X, noise

    def excess(self, v, train):
        """Excess loss of the population for each row of v."""
        return self.inputs.excess(v)


class Resampled:
    """Samples drawn from a dataset with replacement; the dataset is the population."""

    def __init__(self, inputs, seed):
        self.inputs = inputs
        self.stream = generator(seed, Stream.INPUTS)
        self.size = len(inputs.dataset)
        self.residuals = inputs.dataset.residuals.reshape(self.size, -1)
        floors = np.mean(self.residuals**2, axis=0)
        self.floors = inputs.eigenvalues.new_tensor(floors)

    def rows(self, count):
        """Inputs [count, D] and label residuals [C, count] (padded), new ones at every call."""
        return self.take(torch.randint(self.size, (count,), generator=self.stream, device="cpu"))

    def take(self, chosen):
        coefficients, residuals = self.inputs.given
        like, count = self.inputs.eigenvalues, len(chosen)
        chosen = chosen.to(like.device)
        X = zeros(count, self.inputs.dim, like=like)
        X[:count, : self.inputs.dim] = coefficients[chosen]
        noise = like.new_zeros(residuals.shape[1], padded(count))
        noise[:, :count] = residuals[chosen].T
        return X, noise

    def excess(self, v, train):
        """Excess loss of the population for each row of v."""
        return self.inputs.excess(v)


class Split(Resampled):
    """A training set drawn from a dataset without replacement; what is left over is the test set."""

    def rows(self, count):
        """Inputs [count, D] and label residuals [C, count] (padded); the rest is held out."""
        if count >= self.size:
            raise ValueError(
                f"samples is {count} of a dataset of {self.size}: leave some of it for the test."
            )
        self.count = count
        order = torch.randperm(self.size, generator=self.stream, device="cpu")
        return self.take(order[:count])

    def excess(self, v, train):
        r"""Loss on the held-out samples without the noise floor $\sigma^2$, for each row of v.

        A sum over them is one over the dataset, where $\sum_\mu \Delta_\mu^2 = n(\sum_k \lambda_k v_k^2 + \sigma^2)$
        because the residuals are orthogonal to the inputs, less one over the training set. With several
        outputs each has its own $\sigma^2$.
        """
        floor = repeated(self.floors[:, None], v.shape[-2])[:, 0]
        total = self.size * (self.inputs.excess(v) + floor)
        return (total - self.count * train) / (self.size - self.count) - floor
