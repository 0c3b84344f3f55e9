r"""Singular values of trained networks' matrices, and the leading eigenvalue of their tangent kernel.

The weights of the simulator are a random matrix and a history of outer products, which are applied to
vectors and never multiplied out; Lanczos' method asks for no more (scipy's `svds` and `eigsh`).
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from lib import checks
from lib.networks.draws import draw_weights, padded
from lib.networks.fields import Architecture, Lockstep
from lib.networks.finite_data import Inputs
from lib.networks.thin_products import Thin
from lib.networks.trained_weights import history_length
from lib.questions.trained_matrices import checked_problem

DENSE = 4
"""With more than one in so many singular values asked for, all are computed."""


@dataclass(frozen=True, eq=False)
class MeasuredOutliers:
    r"""The largest singular values of $W^l(t)/\sqrt{N_l}$ of networks, l = 0 .. L-1, $N_0 = D$.

    Attributes
    ----------
    times : [T]
        Steps.
    seeds : tuple
    dim : int
        D.
    singular_values : [seeds, T, L, count]
        Largest first; nan where a matrix has fewer, or the run has diverged.
    kernel : [seeds, T]
        Largest eigenvalue of the tangent kernel $\Theta(t)$ (D x D; with C outputs D C x D C), in units in which gradient
        descent of rate $\eta$ is unstable above $2/\eta$.
    overlaps : dict
        Squared cosines of the singular vectors, [seeds, T, count]: "target", right vectors of
        $W^0$ with $\beta^*$, and "readout", left vectors of $W^{L-1}$ with the readout. With C
        outputs one more axis [C].
    """

    times: np.ndarray
    seeds: tuple
    dim: int
    singular_values: np.ndarray
    kernel: np.ndarray
    overlaps: dict


def measured_outliers(
    network, data, training, times, *, dim=None, seeds=8, count=3, kernel=True, dtype="float64"
):
    r"""Train networks and measure the top of the spectrum of every trained matrix and of the kernel.

    Parameters
    ----------
    network : Network
        Of finite depth. Weights and data are those of `simulate` at the same `dim` and seeds.
    data : Data
        As for `weight_outliers`.
    training : GradientDescent
        As for `weight_outliers`.
    times : int or sequence of int
        Steps at which to look.
    dim : int
        D; left out for a dimension-free spectrum.
    seeds : int or sequence of int
    count : int
        Singular values per matrix.
    kernel : bool
        Whether to measure the kernel too.
    dtype : "float64" or "float32"

    Returns
    -------
    MeasuredOutliers

    Raises
    ------
    ValueError
        If the problem is not covered or `times` are not steps of the run.
    """
    checked_problem(network, data, training)
    times = np.array(checks.steps_of_run(times, training.steps))
    seeds, count = checks.seeds(seeds), checks.integer("count", count)
    if network.branch_scale == 0:
        raise ValueError("branch_scale is 0, and no branch is trained: give a positive one.")
    kernel = checks.flag("kernel", kernel)
    if dtype not in ("float64", "float32"):
        raise ValueError(f"dtype is {dtype!r}: give 'float64' or 'float32'.")
    like = torch.empty(0, dtype=getattr(torch, dtype))
    inputs = Inputs(data, dim, like, None, network.outputs)
    architecture = Architecture(network, inputs)
    shape = (len(seeds), len(times))
    values = np.full((*shape, network.depth, count), np.nan)
    with_target, with_readout = np.full((2, *shape, count, network.outputs), np.nan)
    top = np.full(shape, np.nan)
    with torch.inference_mode():
        for j, seed in enumerate(seeds):
            for t, lockstep in _trained(network, training, architecture, inputs, seed, max(times)):
                for i in np.flatnonzero(times == t):
                    for l in range(network.depth):
                        matrix = _Matrix(lockstep, l)
                        left, found, right = matrix.leading(count)
                        values[j, i, l, : len(found)] = found
                        if l == 0:
                            with_target[j, i, : len(found)] = _squared_cosines(
                                right, inputs.target[:, : inputs.dim].numpy()
                            )
                        if l == network.depth - 1:
                            with_readout[j, i, : len(found)] = _squared_cosines(
                                left, matrix.readout()
                            )
                    if kernel:
                        top[j, i] = _kernel(lockstep, training.rate_factors(network))
    only = 0 if network.outputs == 1 else slice(None)
    overlaps = {"target": with_target[..., only], "readout": with_readout[..., only]}
    return MeasuredOutliers(times, seeds, inputs.dim, values, top, overlaps)


def _trained(network, training, architecture, inputs, seed, last):
    """Yield (t, network) of one seed at steps 0 .. last, as long as the weights are finite."""
    of_weights, of_data = seed if isinstance(seed, tuple) else (seed, seed)
    memory = training.memory()
    lockstep = Lockstep(
        [0],
        [network],
        [training.rate_factors(network)],
        [memory],
        history_length(architecture.sizes, memory),
        architecture,
        inputs,
        [Thin(W) for W in draw_weights([of_weights], architecture.sizes, inputs.eigenvalues)],
    )
    sampling = inputs.sampling([of_data])
    for t in range(last + 1):
        sampling.draw(t)
        losses = lockstep.step(t, sampling)
        if not torch.isfinite(losses).all():
            break
        yield t, lockstep


class _Matrix:
    r"""$W^l(t)/\sqrt{N_l}$ of a network that has just made step t, applied to vectors."""

    def __init__(self, lockstep, layer):
        self.lockstep, self.layer = lockstep, layer
        sizes = lockstep.architecture.sizes
        self.shape = sizes[layer + 1], sizes[layer]
        scale = lockstep.architecture.scales[layer]
        self.unit = 1 / (math.sqrt(sizes[layer]) * scale)

    def leading(self, count):
        """(left [.., n], singular values, right [.., n]), n = `count` or all there are, largest first."""
        if DENSE * count > min(self.shape):
            left, values, right = np.linalg.svd(self.forward(np.eye(self.shape[1])))
            kept = slice(0, min(count, *self.shape))
            return left[:, kept], values[kept], right[kept].T
        from scipy.sparse.linalg import LinearOperator, svds  # slow to import

        operator = LinearOperator(
            self.shape, matvec=self.forward, rmatvec=self.backward, dtype=np.float64
        )
        left, values, right = svds(operator, k=count, v0=np.ones(min(self.shape)))
        order = np.argsort(values)[::-1]
        return left[:, order], values[order], right[order].T

    def forward(self, columns):
        return self.unit * self._apply(self.lockstep.weights.forward, columns, self.shape[0])

    def backward(self, columns):
        return self.unit * self._apply(self.lockstep.weights.adjoint, columns, self.shape[1])

    def readout(self):
        """The readouts at this time, [C, N_L]."""
        return _rows(self.lockstep, _backward_fields(self.lockstep)[-2], self.shape[0])

    def _apply(self, product, columns, size):
        """`product` of this layer with columns [.., n] or a vector, as many at a time as there are outputs."""
        columns = np.asarray(columns, float)
        vectors, at_a_time = columns.reshape(len(columns), -1).T, self.lockstep.outputs
        images = []
        for start in range(0, len(vectors), at_a_time):
            some = vectors[start : start + at_a_time]
            image = product(self.layer, _padded(self.lockstep, some))
            images.append(_rows(self.lockstep, image, size)[: len(some)])
        return np.concatenate(images).T.reshape(size, *columns.shape[1:])


def _padded(lockstep, vectors):
    """Vectors [n <= C, size] as the first rows of a field of the simulator."""
    like = lockstep.top
    rows = like.new_zeros(*like.shape[:-1], padded(vectors.shape[1]))
    rows[0, : len(vectors), : vectors.shape[1]] = torch.as_tensor(np.array(vectors)).to(like)
    return rows


def _rows(lockstep, field, size):
    """The rows of a field that belong to the network, [C, size]."""
    return field[0, : lockstep.outputs, :size].numpy().astype(float)


def _backward_fields(lockstep):
    """g^1 .. g^{L+1} of the weights as they are now."""
    g = [lockstep.top]
    for layer in range(len(lockstep.architecture.streams) - 1, 0, -1):
        below = lockstep.weights.adjoint(layer, g[0])
        g.insert(0, below + g[0] if lockstep.architecture.streams[layer] else below)
    return g


def _kernel(lockstep, rates):
    r"""Largest eigenvalue of $\Theta$: $\Theta_{cc'} = \frac{1}{\nu_L} \sum_l r_l \tau_l^2\, (g^{l+1}_c \cdot g^{l+1}_{c'})\, \Phi_l^\top \Phi_l$.

    $\tau_l$ is the scale of the layer, $r_l$ its rate factor, $\Phi_l$ the map from the inputs to $h^l$.
    """
    architecture, weights = lockstep.architecture, lockstep.weights
    dim, outputs, depth = architecture.sizes[0], lockstep.outputs, len(architecture.sizes) - 2
    g = _backward_fields(lockstep)
    grams = []
    for field, scale, rate in zip(g, architecture.scales, rates, strict=True):
        used = field[0, :outputs]
        grams.append((rate * scale**2 * used @ used.T).numpy())
    grams[-1] = rates[-1] * np.eye(outputs)

    def product(vector):
        x = [_padded(lockstep, vector.reshape(outputs, dim))]
        for layer in range(depth):
            image = weights.forward(layer, x[-1])
            x.append(image + x[-1] if architecture.streams[layer] else image)
        y = torch.zeros_like(x[-1])
        for layer in range(depth, -1, -1):
            if layer < depth:
                back = weights.adjoint(layer, y)
                y = back + y if architecture.streams[layer] else back
            gram = torch.as_tensor(grams[layer]).to(y)
            y[0, :outputs] += gram @ x[layer][0, :outputs]
        return _rows(lockstep, y, dim).ravel() / architecture.last_width

    from scipy.sparse.linalg import LinearOperator, eigsh  # slow to import

    operator = LinearOperator((dim * outputs,) * 2, matvec=product, dtype=np.float64)
    start = np.ones(dim * outputs)
    return eigsh(operator, k=1, which="LA", v0=start, tol=1e-6, return_eigenvectors=False)[0]


def _squared_cosines(vectors, fields):
    """Of unit `vectors` [size, n] with `fields` [C, size], as [n, C]."""
    squared = (fields**2).sum(axis=1)
    overlap = vectors.T @ np.asarray(fields, float).T
    return np.divide(overlap**2, squared, out=np.full(overlap.shape, np.nan), where=squared > 0)
