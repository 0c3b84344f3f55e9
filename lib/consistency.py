"""An independent look at a solution: put it back into the closed equations."""

import numpy as np

from lib.linear_gaussian import transpose


def _mismatch(left, right):
    """Largest deviation relative to the largest entry, per configuration."""
    scale = np.abs(right).max(axis=(-1, -2))
    return np.abs(left - right).max(axis=(-1, -2)) / np.where(scale > 0, scale, 1)


def _inverse(matrices):
    """Inverses [batch, n, n]; nan where a run diverges so fast that rounding leaves none."""
    try:
        return np.linalg.inv(matrices)
    except np.linalg.LinAlgError:
        if len(matrices) == 1:
            return np.full_like(matrices, np.nan)
        return np.concatenate([_inverse(matrix[None]) for matrix in matrices])


def _pair(F, B, response, correlation, noise):
    """Violation of x = noise + F y, y = noise' + B x by a response dx/dnoise' and <x x>."""
    loop = np.eye(F.shape[-1]) - F @ B
    return np.maximum(
        _mismatch(loop @ response, F),
        _mismatch(loop @ correlation @ transpose(loop), noise),
    )


def layer_residual(layer, above, below, rows):
    """How far the first `rows` rows of one hidden layer are from its equations, per configuration."""
    now, kappa = slice(0, rows), layer.kappa
    F = layer.trained.response(below.R_h, below.C_h, now)
    B = layer.trained.response(above.R_g, above.C_g, now)
    cov_xi = layer.trained.noise(below.C_h, now)
    cov_zeta = layer.trained.noise(above.C_g, now)
    C_h, R_h, C_g, R_g = (
        matrix[:, now, now] for matrix in (layer.C_h, layer.R_h, layer.C_g, layer.R_g)
    )
    forward = _pair(F, kappa * B, R_h, C_h, cov_xi + kappa * F @ cov_zeta @ transpose(F))
    backward = _pair(B, kappa * F, R_g, C_g, cov_zeta + kappa * B @ cov_xi @ transpose(B))
    return np.maximum(forward, backward)


def input_residual(inputs, first, rows):
    """How far the input layer is from its equations, per configuration."""
    now = slice(0, rows)
    R_Delta, S, Q = (m[:, now, now] for m in (inputs.regime.R_Delta, inputs.S, inputs.regime.Q))
    X = -inputs.trained.response(first.R_g, first.C_g, now) / inputs.trained.richness
    C_v, R_vu = np.zeros_like(X), np.zeros_like(X)
    for k, eigenvalue in enumerate(inputs.eigenvalues):
        H = _inverse(np.eye(rows) - eigenvalue * X @ R_Delta)
        mean = H @ inputs.axis.output[now]
        variance = H @ (S + eigenvalue * X @ Q @ transpose(X)) @ transpose(H)
        C_v += eigenvalue * mean @ inputs.power[k] @ transpose(mean)
        C_v += eigenvalue * inputs.mass[k] * variance
        R_vu += eigenvalue * inputs.mass[k] * H @ X
    return np.maximum(
        _mismatch(inputs.C_v[:, now, now], C_v), _mismatch(inputs.R_vu[:, now, now], R_vu)
    )


def residual(stack, inputs, rows):
    """Largest relative violation of the closed equations in the first `rows` rows, [batch]."""
    if rows == 0:
        return np.zeros(len(inputs.C_v))
    with np.errstate(all="ignore"):
        return np.maximum(stack.residual(inputs, rows), input_residual(inputs, stack.first, rows))
