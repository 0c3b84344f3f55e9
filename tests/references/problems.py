"""Random problems, drawn once and for all from seeds: what `lib` says of its errors is held against them."""

import numpy as np

import lib


def random_problem(seed, longest=160):
    """(network, data, training): plain and residual, all kinds of data, spectra, optimizers, schedules."""
    rng = np.random.default_rng(seed)

    def logarithmic(low, high, size=None):
        return np.exp(rng.uniform(np.log(low), np.log(high), size))

    def one_of(*choices):
        return choices[rng.integers(len(choices))]

    depth, outputs = int(rng.integers(1, 3)), one_of(1, 1, 1, 2)
    residual = one_of(None, None, 0.7, 1.5)
    widths = logarithmic(0.2, 4, 1 if residual else depth)
    network = lib.Network(
        depth,
        tuple(np.broadcast_to(widths, depth)),
        logarithmic(0.1, 8),
        branch_scale=residual,
        outputs=outputs,
        centered=one_of(False, True),
        init_scale=one_of(1.0, tuple(logarithmic(0.3, 2, depth + 1))),
    )
    modes = int(rng.integers(1, 5))
    mass = logarithmic(0.05, 3, modes)
    spectrum = lib.Spectrum(
        logarithmic(0.05, 3, modes), logarithmic(0.05, 3, modes), mass / mass.sum()
    )
    size = one_of({}, {"samples": logarithmic(0.2, 8)}, {"batch": logarithmic(0.2, 8)})
    data = lib.Data(**size, noise=one_of(0.0, 0.1, 1.0), spectrum=spectrum)
    steps, rate = int(rng.integers(longest // 2, longest + 1)), logarithmic(1e-3, 0.1)
    t, at = np.arange(steps), rng.integers(steps)
    schedules = (
        1.0,
        1.0,
        1.0,
        np.where(t < at, 1.0, one_of(0.0, 0.1, 2.0)),
        np.where(t == at, 3.0, 1.0),
        np.cos(np.pi * t / (2 * steps)) ** 2,
    )
    rate = rate * one_of(*schedules)
    momentum = one_of(0.0, 0.0, 0.5, 0.9)
    training = lib.GradientDescent(
        steps,
        rate,
        momentum=momentum,
        nesterov=momentum > 0 and one_of(False, True),
        weight_decay=one_of(0.0, 0.0, 0.1, 1.0),
    )
    return network, data, training


def true_error(found, exact):
    """Largest error of a loss, relative to itself and to 1e-4 of its start, as `error` has it."""
    worst = 0.0
    for name in ("excess_loss", "train_loss", "test_loss"):
        truth = getattr(exact, name)
        off = np.abs(getattr(found, name) - truth) / (truth + 1e-4 * truth[0])
        worst = max(worst, float(off.max()))
    return worst
