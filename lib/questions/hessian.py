"""The sharpness of finite networks: Hessian-vector products by autograd, eigenvalues by Lanczos."""

import numpy as np
import torch

from lib import checks
from lib.networks.draws import draw_weights
from lib.networks.fields import Architecture
from lib.networks.finite_data import Inputs
from lib.networks.options import given_dataset, precision
from lib.questions.sharpness import Sharpness, checked_times, supported

TOLERANCE = 1e-2
"""Relative size of the residual vector at which Lanczos stops; the eigenvalue is far more accurate."""


def network_sharpness(
    network, data, training, times, *, dim=None, seeds=8, dtype="float64", dataset=None
):
    r"""Train networks by torch's own SGD and measure their `Sharpness` at the steps `times`.

    Independent of the simulator's formulas: the loss is written down as it is defined, all derivatives
    are autograd's, and only the initial weights and the data are those of `lib.simulate` at the same
    `dim` and seeds.

    Parameters
    ----------
    network : Network
        As in `lib.sharpness.sharpness`: plain, with one output.
    data : Data
        Population or repeated data.
    training : GradientDescent
    times : sequence of int
        Steps at which to look.
    dim : int
        As for `lib.simulate`, like all that follow; the networks are trained on the CPU.
    seeds : int or sequence of int or pairs of int
    dtype : "float64" or "float32"
    dataset : Dataset or None

    Returns
    -------
    Sharpness
        `top`, `kernel` and `train_loss` of shape [seeds, n]; nan where the gradient has vanished or
        the run has diverged.

    Raises
    ------
    ValueError
        If the problem is not covered or `times` are not steps of the run.
    """
    supported(network, data, training)
    times = checked_times(times, training.steps)
    seeds = checks.seeds(seeds)
    like = torch.empty(0, dtype=precision(dtype), device="cpu")
    inputs = Inputs(data, dim, like, given_dataset(dataset, data))
    found = np.empty((3, len(seeds), len(times)))
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast("cpu", enabled=False):
        for j, seed in enumerate(seeds):
            found[:, j] = _along_a_run(network, training, times, inputs, seed)
    return Sharpness(np.array(times), *found)


def _along_a_run(network, training, times, inputs, seed):
    """Curvature, kernel and training loss at `times` of the run of one seed, [3, times]."""
    found = np.empty((3, len(times)))
    loss, weights, unit = _problem(network, inputs, seed)
    optimizer = torch.optim.SGD(
        weights, lr=unit, momentum=training.momentum, nesterov=training.nesterov
    )
    for t in range(times[-1] + 1):
        if t in times:
            found[:, times.index(t)] = _curvature(loss, weights, unit)
        if t < times[-1]:
            rate = training.rates[t]
            _descend(optimizer, loss, unit * rate, 1 - rate * training.weight_decay)
    return found


def _problem(network, inputs, seed):
    """The loss (with its factor 1/2) as a function of the weights, the weights, and rate per eta."""
    architecture = Architecture(network, inputs)
    of_weights, of_data = seed if isinstance(seed, tuple) else (seed, seed)
    sampling = inputs.sampling(of_data)
    sampling.draw(0)
    drawn = draw_weights(of_weights, architecture.sizes, inputs.eigenvalues)
    scaled = zip(network.init_scales, drawn, strict=True)
    weights = [(sigma * W).requires_grad_() for sigma, W in scaled]
    readout = 1 / (network.richness * architecture.last_width)

    def end_to_end(weights):
        g = weights[-1][:1]
        for W, scale in zip(weights[-2::-1], architecture.scales[-2::-1], strict=True):
            g = g @ W * scale
        return g * readout

    origin = end_to_end(weights).detach() * network.centered

    def loss(weights):
        _, train = sampling.signal(inputs.target - end_to_end(weights) + origin)
        return train[0] / 2

    return loss, weights, network.richness**2 * architecture.sizes[-2]


def _descend(optimizer, loss, rate, shrink):
    (group,) = optimizer.param_groups
    group["lr"] = rate
    optimizer.zero_grad()
    loss(group["params"]).backward()
    with torch.no_grad():
        for W in group["params"]:
            W *= shrink
    optimizer.step()


def _curvature(loss, weights, unit):
    """Largest eigenvalue of the Hessian, Rayleigh quotient of the kernel, training loss."""
    from scipy.sparse.linalg import LinearOperator, eigsh  # slow to import

    half = loss(weights)
    gradient = torch.autograd.grad(half, weights, create_graph=True)
    sizes = [W.numel() for W in weights]
    flat = torch.cat([part.detach().reshape(-1) for part in gradient]).numpy()

    train_loss = 2 * float(half.detach())
    if not (np.isfinite(flat).all() and np.isfinite(train_loss) and flat.any()):
        return np.nan, np.nan, train_loss

    def product(vector):
        parts = torch.from_numpy(np.ascontiguousarray(vector, flat.dtype).ravel()).split(sizes)
        overlap = sum((g * part.view_as(g)).sum() for g, part in zip(gradient, parts, strict=True))
        image = torch.autograd.grad(overlap, weights, retain_graph=True)
        return unit * torch.cat([part.reshape(-1) for part in image]).numpy()

    hessian = LinearOperator((sum(sizes),) * 2, matvec=product, dtype=flat.dtype)
    (top,) = eigsh(
        hessian, k=1, which="LA", v0=flat, tol=TOLERANCE, ncv=10, return_eigenvectors=False
    )
    return top, unit * float(flat @ flat) / train_loss, train_loss
