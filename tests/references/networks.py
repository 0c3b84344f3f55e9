"""Networks once more, by the shortest way: explicit matrices, torch's autograd and SGD, the same draws."""

import math

import numpy as np
import torch

from lib.networks.draws import Stream, draw_weights, generator
from lib.networks.fields import Architecture
from lib.networks.finite_data import Inputs


def plain_training(network, data, training, dim, seed):
    """The same run the slow way: a forward pass of every sample, autograd, and torch's own SGD.

    `seed` may be a pair (weights, data). Returns (excess, train) [C, steps + 1] each.
    """
    of_weights, of_data = seed if isinstance(seed, tuple) else (seed, seed)
    like = torch.empty(0, dtype=torch.float64)
    inputs = Inputs(data, dim, like, outputs=network.outputs)
    architecture = Architecture(network, inputs)
    sizes, D = architecture.sizes, inputs.dim
    unit = 1.0 if data.spectrum.dimension_free else math.sqrt(D)
    eye = torch.eye(D, dtype=torch.float64)
    drawn = draw_weights(of_weights, sizes, like)
    scales, factors = (
        np.broadcast_to(1.0 if given is None else given, network.depth + 1)
        for given in (network.init_scale, training.layer_rates)
    )
    weights = [
        (sigma * W[:above, :below]).requires_grad_()
        for sigma, W, below, above in zip(scales, drawn, sizes[:-1], sizes[1:], strict=True)
    ]
    branch = None
    if network.branch_scale is not None:
        branch = network.branch_scale / math.sqrt(network.depth)

    def f(x):
        h = x @ weights[0].T / unit
        for W in weights[1:-1]:
            image = h @ W.T / math.sqrt(W.shape[1])
            h = image if branch is None else h + branch * image
        return h @ weights[-1].T * unit / (network.richness * sizes[-2])

    variance, target = inputs.eigenvalues[:D], inputs.target[:, :D].T
    streams = [generator(of_data, stream) for stream in (Stream.INPUTS, Stream.LABELS)]
    size = data.samples if data.samples is not None else data.batch
    count = round(size * (1 if data.spectrum.dimension_free else D)) if size else D
    start = f(eye).detach() * network.centered

    def output(x):
        return f(x) - x @ start

    def draw():
        if size is None:  # one sample along each direction is the population
            x = torch.diag((variance * D).sqrt())
            return x, x @ target / unit
        x, noise = (
            torch.randn(shape, generator=stream)
            for shape, stream in zip(((count, D), (sizes[-1], count)), streams, strict=True)
        )
        x = x.double() * variance.sqrt()
        return x, x @ target / unit + data.noise * noise.T

    raw = network.richness**2 * sizes[-2]
    groups = [{"params": [W]} for W in weights]
    optimizer = torch.optim.SGD(
        groups, lr=raw, momentum=training.momentum, nesterov=training.nesterov
    )
    losses = []
    x, y = draw()
    for t in range(training.steps + 1):
        if data.batch is not None and t > 0:
            x, y = draw()
        error = y - output(x)
        v = unit * (target / unit - output(eye))
        excess = variance @ v**2 / unit**2
        train = (error**2).mean(0) + (data.noise**2 if size is None else 0)
        losses.append(torch.stack([excess, train]).tolist())
        if t == training.steps:
            return np.moveaxis(losses, 0, -1)
        optimizer.zero_grad()
        ((error**2).mean(0).sum() / 2).backward()
        rate = np.broadcast_to(training.learning_rate, training.steps)[t]
        for group, factor in zip(optimizer.param_groups, factors, strict=True):
            group["lr"] = raw * rate * factor
        with torch.no_grad():
            for W in weights:
                W *= 1 - rate * training.weight_decay
        optimizer.step()
