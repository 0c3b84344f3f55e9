"""An independent look at a solution: put it back into the closed equations."""

from itertools import pairwise

import numpy as np

from lib.equations.linear_gaussian import transpose

ROUNDING = 1e-14
"""Part of two numbers that their difference is not known to."""


PROBES = 16
"""Columns that matrices are applied to: an entry that is off is missed by all of them once in 2^16 times."""


def _probes(size):
    """Columns [size, few] that two matrices of so many columns are compared on: random signs, always the same."""
    if size <= PROBES:
        return np.eye(size)
    return np.random.default_rng(0).choice([-1.0, 1.0], (size, PROBES))


def _mismatch(left, right):
    """Largest deviation relative to the largest entry, per configuration."""
    scale = np.abs(right).max(axis=(-1, -2))
    return np.abs(left - right).max(axis=(-1, -2)) / np.where(scale > 0, scale, 1)


def _pair(F, B, response, correlation, noises, kappa):
    """Violation of x = noise + F y, y = noise' + B x by a response dx/dnoise' and <x x>.

    `noises` are the covariances of the first noise, and of the second divided by `kappa`.
    """
    columns = _probes(F.shape[-1])

    def loop(rows):
        return rows - F @ (B @ rows)

    turned = columns - transpose(B) @ (transpose(F) @ columns)
    first, second = noises
    noise = first @ columns + kappa * F @ (second @ (transpose(F) @ columns))
    return np.maximum(
        _mismatch(loop(response @ columns), F @ columns),
        _mismatch(loop(correlation @ turned), noise),
    )


def layer_residual(layer, above, below, rows):
    """How far the first `rows` rows of one hidden layer are from its equations, per configuration."""
    now, kappa = slice(0, rows), layer.kappa
    F = layer.lower.response(below.R_h, below.C_h, now)
    B = layer.upper.response(above.R_g, above.C_g, now)
    cov_xi = layer.lower.noise(below.C_h, now)
    cov_zeta = layer.upper.noise(above.C_g, now)
    C_h, R_h, C_g, R_g = (
        matrix[:, now, now] for matrix in (layer.C_h, layer.R_h, layer.C_g, layer.R_g)
    )
    forward = _pair(F, kappa * B, R_h, C_h, (cov_xi, cov_zeta), kappa)
    backward = _pair(B, kappa * F, R_g, C_g, (cov_zeta, cov_xi), kappa)
    return np.maximum(forward, backward)


def _solved(loops, rows):
    """loops^-1 rows of a batch; nan for a configuration whose matrix has overflowed and become singular."""
    try:
        return np.linalg.solve(loops, rows)
    except np.linalg.LinAlgError:
        if len(loops) == 1:
            return np.full_like(rows, np.nan)
        return np.concatenate(
            [_solved(*pair) for pair in zip(loops[:, None], rows[:, None], strict=True)]
        )


def _fold(strength, farther, folded, met, added, now):
    """Violation of the step that folds one branch into the relation (R, C) to one side of a layer."""
    loop = np.eye(now.stop) - strength * farther.R[:, now, now] @ met[0]
    source = strength * farther.R[:, now, now] @ met[1] @ transpose(farther.R[:, now, now])
    R = folded.R[:, now, now] - strength * added[0]
    C = folded.C[:, now, now] - strength * added[1]
    return np.maximum(
        _mismatch(loop @ R, farther.R[:, now, now]),
        _mismatch(loop @ C @ transpose(loop), source + farther.C[:, now, now]),
    )


def stream_residual(stack, inputs, rows):
    """How far the first `rows` rows of a residual stream are from its equations, per configuration."""
    now = slice(0, rows)

    def made(matrix, R, C):
        return matrix.response(R, C, now), matrix.noise(C, now)

    worst = [layer_residual(layer, layer.above, layer.below, rows) for layer in stack.layers]
    for (below, above), branch in zip(pairwise(stack.layers), stack.trained[1:-1], strict=True):
        forth, back = made(branch, below.R_h, below.C_h), made(branch, above.R_g, above.C_g)
        worst.append(_fold(stack.strength, above.above, below.above, forth, back, now))
        worst.append(_fold(stack.strength, below.below, above.below, back, forth, now))
    top, bottom = stack.layers[-1].above, stack.layers[0].below
    ends = (
        (top, stack.trained[-1], stack.readout.R_g, stack.readout.C_g),
        (bottom, stack.trained[0], inputs.R_h, inputs.C_h),
    )
    for relation, *side in ends:
        response, noise = made(*side)
        worst.append(_mismatch(relation.R[:, now, now], response))
        worst.append(_mismatch(relation.C[:, now, now], noise))
    return np.max(worst, axis=0)


def layer_time_residual(stack, inputs, rows):
    """How far the first `rows` rows of an infinitely deep stream are from its equations at the nodes."""
    now = slice(0, rows)
    block = (slice(None), now, now)
    bottom = (
        stack.trained[0].response(inputs.R_h, inputs.C_h, now),
        stack.trained[0].noise(inputs.C_h, now),
    )
    top = (
        stack.trained[-1].response(stack.readout.R_g, stack.readout.C_g, now),
        stack.trained[-1].noise(stack.readout.C_g, now),
    )
    worst = []
    for panel in stack.panels:
        worst.append(_climb(panel, panel.layers.below, panel.up, bottom, now))
        bottom = (
            panel.at(-1, panel.layers.below.R)[block],
            panel.at(-1, panel.layers.below.C)[block],
        )
    for panel in reversed(stack.panels):
        worst.append(_climb(panel, panel.layers.above, panel.down, top, now))
        top = panel.at(0, panel.layers.above.R)[block], panel.at(0, panel.layers.above.C)[block]
        nodes = layer_residual(panel.layers, panel.layers.above, panel.layers.below, rows)
        worst.append(nodes.reshape(len(panel.times), -1).max(0))
    return np.max(worst, axis=0)


def _climb(panel, relation, integrals, start, now):
    """Violation of one pair of Riccati equations on a panel, integrated from one of its ends."""
    layers, trained = panel.layers, panel.trained
    forth = trained.response(layers.R_h, layers.C_h, now), trained.noise(layers.C_h, now)
    back = trained.response(layers.R_g, layers.C_g, now), trained.noise(layers.C_g, now)
    met, added = (forth, back) if relation is layers.above else (back, forth)
    R, C = relation.R[:, now, now], relation.C[:, now, now]
    loop = R @ met[0]
    rates = (
        loop @ R + added[0],
        loop @ C + C @ transpose(loop) + R @ met[1] @ transpose(R) + added[1],
    )
    found = [
        _mismatch(values, panel.integrate(integrals, rate, first))
        for values, rate, first in zip((R, C), rates, start, strict=True)
    ]
    return np.max(found, axis=0).reshape(len(panel.times), -1).max(0)


def input_residual(inputs, first, rows):
    """How far the input layer is from its equations, per configuration."""
    now, columns = slice(0, rows), _probes(rows)
    R_Delta, S, Q = (m[:, now, now] for m in (inputs.regime.R_Delta, inputs.S, inputs.regime.Q))
    X = -inputs.trained.response(first.R_g, first.C_g, now) / inputs.richness
    C_v, R_vu = np.zeros((2, *(X @ columns).shape))
    A, moved = X @ R_Delta, X @ columns
    output = np.broadcast_to(inputs.axis.output[now], (len(X), rows, inputs.axis.outputs))
    for k, eigenvalue in enumerate(inputs.eigenvalues):
        loop = np.eye(rows) - eigenvalue * A
        turned = _solved(transpose(loop), np.broadcast_to(columns, moved.shape))
        noise = S @ turned + eigenvalue * (X @ (Q @ (transpose(X) @ turned)))
        solved = _solved(loop, np.concatenate([output, noise, moved], axis=-1))
        mean, noise, response = np.split(
            solved, [output.shape[-1], output.shape[-1] + columns.shape[-1]], axis=-1
        )
        C_v += eigenvalue * (mean @ (inputs.power[k] @ (transpose(mean) @ columns)))
        C_v += eigenvalue * inputs.mass[k] * noise
        R_vu += eigenvalue * inputs.mass[k] * response
    return np.maximum(
        _mismatch(inputs.C_v[:, now, now] @ columns, C_v),
        _mismatch(inputs.R_vu[:, now, now] @ columns, R_vu),
    )


def noiseless_input_residual(inputs, first, rows):
    """The same for an input layer whose v is its mean."""
    now = slice(0, rows)
    X = -inputs.trained.response(first.R_g, first.C_g, now) / inputs.richness
    mean, eigenvalues = inputs.mean[:, :, now], inputs.eigenvalues[:, None, None]
    moved = eigenvalues * (X[:, None] @ mean)
    violation = np.abs(mean - inputs.axis.output[now] - moved).max(axis=(1, 2, 3))
    C_v = np.einsum("kxy,bkic,kcd,bkjd->bij", eigenvalues, mean, inputs.power, mean, optimize=True)
    return np.maximum(violation, _mismatch(inputs.C_v[:, now, now], C_v))


def residual(stack, inputs, rows):
    """Largest relative violation of the closed equations in the first `rows` rows, [batch].

    Zero where there is nothing to learn, and all that happens are rounding errors.
    """
    if rows == 0:
        return np.zeros(len(inputs.C_v))
    with np.errstate(all="ignore"):
        violation = np.maximum(stack.residual(inputs, rows), inputs.residual(stack.first, rows))
        return np.where(_nothing_to_learn(inputs, rows), 0.0, violation)


def _nothing_to_learn(inputs, rows):
    """Whether a centered network's errors, differences of what its weights make, are rounding, [batch]."""
    now = slice(0, rows)
    made = getattr(inputs, "raw_S", 0 * inputs.C_v)[:, now, now]
    known = ROUNDING * np.sum(inputs.mass * inputs.eigenvalues) * np.abs(made).max(axis=(-1, -2))
    training = np.einsum("bii->bi", inputs.regime.C_Delta[:, now, now]).max(-1)
    return training <= known
