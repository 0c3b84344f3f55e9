r"""Correlations and responses of the fields at one site of a network, of all its layers together.

In a residual network a site carries the fields $h^1 .. h^L$ and $g^1 .. g^L$ of all layers; in a plain one
those of different layers are at different sites, and what follows has no entries between them:

$$ \begin{aligned}
   h^{l+1} &= s_l h^l + \omega_l \big[ \xi^l + (R_h^l + k^l * C_h^l)\, g^{l+1} \big], \\
   g^l &= s_l g^{l+1} + \omega_l \big[ \zeta^l + \rho_l\, (R_g^{l+1} + k^l * C_g^{l+1})\, h^l \big],
   \end{aligned} $$

with $\mathrm{Cov}\, \xi^l = C_h^l$, $\mathrm{Cov}\, \zeta^l = \rho_l C_g^{l+1}$, all in the units of `trained_matrices`, and $\omega_l(t) = c_l s(t)$ the
factor of W^l in the forward pass. Fields are numbered x_l = 2 l for h^l and 2 l + 1 for g^l; the noise that
enters a field has its number.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Sites:
    """Two-time matrices of fields by number.

    Attributes
    ----------
    response : [fields, fields, t, t]
        Of field i (first) to the noise that enters field k.
    cov : [fields, fields, t, t]
        Correlations of fields.
    """

    response: np.ndarray
    cov: np.ndarray


def sites(trained, t, samples):
    """`Sites` of a `TrainedNetwork` with one output before step t.

    With `samples` there is one more layer below: field 0 is Delta, 2 and 3 are u and v, and so on;
    else fields 0 and 1 are u and v, of which v is left out.
    """
    L, past = trained.run.network.depth, slice(0, t)
    first = 1 if samples else 0
    fields = 2 * (L + 1 + first)
    response, cov = np.zeros((2, fields, fields, t, t))
    hidden = slice(2 * (1 + first), None)
    response[hidden, hidden], cov[hidden, hidden] = _hidden(trained, t)
    matrix = trained.layers[0]
    R_h, C_h = matrix.R_h[past, past], matrix.C_h[past, past]
    u, v = 2 * first, 2 * first + 1
    response[u, v], cov[u, u] = R_h, C_h
    if samples:
        run = trained.run
        names = ("C_v", "C_Delta", "R_vu", "R_Delta")
        C_v, C_Delta, V_u, R_Delta = (getattr(run, name)[past, past] for name in names)
        alpha = run.data.samples
        response[v, v] = R_h - V_u @ R_h / alpha
        response[v, u] = V_u
        response[u, u] = np.eye(t) + R_Delta @ V_u
        response[0, 1], cov[0, 0] = R_Delta, C_Delta
        cov[v, v], cov[u, v] = C_v, R_Delta @ C_v + C_Delta @ V_u.T / alpha
        cov[v, u] = cov[u, v].T
    return Sites(response, cov)


def _hidden(trained, t):
    """Responses to the noises of all hidden layers, and correlations, [2 L, 2 L, t, t] each."""
    run, past = trained.run, slice(0, t)
    network, memory, L = run.network, run.training.memory(), run.network.depth
    left = network.init_scales[L] * memory.decay[past]
    moved = run.training.rate_factors(network)[L] * network.richness * memory.K[past, past]
    into, noise = np.zeros((2, 2 * L, t, 2 * L, t))
    unit = np.ones((2 * L, t))
    for l, matrix in enumerate(trained.layers):
        C_h, R_h = matrix.C_h[past, past], matrix.R_h[past, past]
        C_g, R_g = matrix.C_g[past, past], matrix.R_g[past, past]
        k, factor = matrix.k[past, past], trained.factors[l] * matrix.scale[past]
        h, g, above = 2 * l - 2, 2 * l - 1, 2 * l
        into[above, :, above + 1] = factor[:, None] * (R_h + k * C_h)
        noise[above, :, above] = np.outer(factor, factor) * C_h
        unit[above] = factor
        if l > 0:
            into[g, :, h] = factor[:, None] * matrix.rho * (R_g + k * C_g)
            noise[g, :, g] = np.outer(factor, factor) * matrix.rho * C_g
            unit[g] = factor
            if trained.stream:
                into[above, :, h] = into[g, :, above + 1] = np.eye(t)
    into[-1, :, -2], noise[-1, :, -1], unit[-1] = moved, np.outer(left, left), left
    size = 2 * L * t
    inverse = np.linalg.inv(np.eye(size) - into.reshape(size, size))
    cov = inverse @ noise.reshape(size, size) @ inverse.T
    response = inverse * unit.ravel()
    by_field = (2 * L, t, 2 * L, t)
    return response.reshape(by_field).swapaxes(1, 2), cov.reshape(by_field).swapaxes(1, 2)
