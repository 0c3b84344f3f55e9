r"""Ensembles: how far the errors of two networks agree, and what their average loses.

Two networks that share their initial weights, their data, or neither, have one by one the same
correlations and responses. What differs is the correlation between them: it obeys the equations of a
single network with the same responses, and noise only from the random matrices they share (equation
{eq}`ensembles-overlap` of the book). For each hidden layer, with x marking the overlap of two networks,

$$ C_h^x = \frac{dh}{d\xi}\,\mathrm{Cov}^x\xi\,\frac{dh}{d\xi}^\top + R_h\,\mathrm{Cov}^x\zeta\,R_h^\top, \qquad
   C_g^x = \frac{dg}{d\zeta}\,\mathrm{Cov}^x\zeta\,\frac{dg}{d\zeta}^\top + R_g\,\mathrm{Cov}^x\xi\,R_g^\top , $$

and the error of the weights in a mode of variance $\lambda$ is $v = H(\beta^* + \zeta + X\zeta_u)$ as in
{eq}`deep-input`, with $\mathrm{Cov}^x\zeta$ from $C_g^x$ and $\mathrm{Cov}^x\zeta_u$ from $C_\Delta^x$.
"""

import enum

import numpy as np

from lib import checks
from lib.theory.solution import Solution


class Shared(enum.Enum):
    """What the members of an ensemble have in common; the value is (weights, data)."""

    NOTHING = (0, 0)
    WEIGHTS = (1, 0)
    DATA = (0, 1)
    EVERYTHING = (1, 1)


def overlap(solution, shared):
    r"""Overlap $\frac1D \sum_i \lambda_i v_i v_i'$ of the errors of two networks, in the theory.

    Parameters
    ----------
    solution : Solution
        Of a single problem, with its two-time matrices, at every step.
    shared : Shared
        What the two networks have in common: their initial weights (bagging: each has data of its own),
        their data (each has initial weights of its own), or nothing, which leaves the bias.

    Returns
    -------
    [T]
        At the times of `solution`.

    Raises
    ------
    ValueError
        If the solution has several configurations or no two-time matrices.
    NotImplementedError
        For residual branches and several outputs.
    """
    _check(solution, shared)
    weights, data = shared.value
    n = len(solution.times)
    inputs = _Inputs(solution, data)
    layers = _hidden_layers(solution)
    readout = weights * np.ones((n, n))
    for t in range(n):
        above = readout
        for layer in reversed(layers):
            layer.backward(t, above)
            above = layer.C_g
        inputs.advance(t, above)
        below = weights * inputs.C_u
        for layer in layers:
            layer.forward(t, below)
            below = layer.C_h
    return np.diag(inputs.C_v).copy()


def ensemble_loss(solution, members, shared):
    r"""Excess loss of the average of several networks, in the theory.

    $$ \frac{C_v}{k} + \Big(1 - \frac1k\Big) C_v^\times $$

    Parameters
    ----------
    solution : Solution
    members : int
        k.
    shared : Shared
        As for `overlap`.

    Returns
    -------
    [T]
    """
    members = checks.integer("members", members)
    return solution.excess_loss / members + (1 - 1 / members) * overlap(solution, shared)


def mean_excess_loss(weight_error, *, members=None):
    """Excess loss of the average of networks: `Runs`, or their `weight_error` [members, steps, D].

    [steps], with a leading axis for `Runs` of K configurations; summed over outputs. Of an array with
    more axes say which of them, `members`, holds the networks that are averaged; the last one is D.
    """
    if not hasattr(weight_error, "weight_error"):
        errors = checks.numbers("weight_error", weight_error, "errors [members, steps, D]")
        if errors.ndim > 3 and members is None:
            raise ValueError(
                f"weight_error has {errors.ndim} axes, of which one may be outputs or configurations: "
                "give the Runs themselves, or say which axis is `members`."
            )
        return (errors.mean(axis=members or 0) ** 2).sum(axis=-1)
    runs = weight_error
    if runs.weight_error is None:
        raise ValueError("the runs have no weight_error: simulate with keep_errors=[..].")
    seeds = runs.excess_loss.ndim - 2
    mean = runs.weight_error.mean(axis=seeds)
    summed = tuple(range(seeds + 1, mean.ndim))
    return (mean**2).sum(axis=summed)


def _check(solution, shared):
    if not isinstance(shared, Shared):
        raise ValueError(f"shared is {shared!r}: give a lib.ensembles.Shared.")
    if not isinstance(solution, Solution) or solution.excess_loss.ndim != 1:
        raise ValueError("solution must be that of a single problem: call solve without lists.")
    if solution.R_Delta is None:
        raise ValueError(
            "solution has no two-time responses: solve with keep_matrices=True and without a grid."
        )
    network = solution.network
    if network.branch_scale is not None or network.outputs > 1:
        raise NotImplementedError(
            "ensembles are solved for plain networks with one output: "
            "leave branch_scale and outputs out."
        )
    if not np.isfinite(solution.excess_loss).all():
        raise ValueError("the solution diverges: lower the learning rate.")


def _symmetric_row(matrix, t, row):
    matrix[t, : t + 1] = row
    matrix[: t + 1, t] = row


def _propagate(response, noise, t):
    """Row t, up to the diagonal, of response @ noise @ response.T for a lower triangular response."""
    upto = slice(0, t + 1)
    return response[t, upto] @ noise[upto, upto] @ response[upto, upto].T


class _Layer:
    r"""Overlap of the fields of one hidden layer in two networks, [T, T].

    Backward ones times $N_l/N_L$, as in `lib.equations.layers`; kappa is $N_L/N_l$.
    """

    def __init__(self, F, B, R_h, R_g, decays, kappa):
        n = len(F)
        self.R_h, self.R_g, self.kappa = R_h, R_g, kappa
        self.decay_below, self.decay_above = decays
        self.dh_dxi = np.eye(n) + kappa * R_h @ B
        self.dg_dzeta = np.eye(n) + kappa * R_g @ F
        self.C_h, self.C_g, self.cov_xi, self.cov_zeta = np.zeros((4, n, n))

    def backward(self, t, above):
        upto = slice(0, t + 1)
        _symmetric_row(self.cov_zeta, t, (self.decay_above * above)[t, upto])
        row = _propagate(self.dg_dzeta, self.cov_zeta, t)
        row += self.kappa * _propagate(self.R_g, self.cov_xi, t)
        _symmetric_row(self.C_g, t, row)

    def forward(self, t, below):
        upto = slice(0, t + 1)
        _symmetric_row(self.cov_xi, t, (self.decay_below * below)[t, upto])
        row = _propagate(self.dh_dxi, self.cov_xi, t)
        row += self.kappa * _propagate(self.R_h, self.cov_zeta, t)
        _symmetric_row(self.C_h, t, row)


def _hidden_layers(solution):
    """The layers with the F and B of {eq}`deep-pair`, from the matrices of the single network."""
    decays, kicks = _matrices(solution)
    kappas, backward = _kappas(solution.network), _backward(solution)
    layers = []
    for l, kappa in enumerate(kappas, start=1):
        F = decays[l - 1] * solution.R_h[l - 1] + kicks[l - 1] * solution.C_h[l - 1]
        (R_g, _), (R_above, C_above) = backward[l - 1 : l + 1]
        B = decays[l] * R_above + kicks[l] * C_above
        layers.append(_Layer(F, B, solution.R_h[l], R_g, decays[l - 1 : l + 1], kappa))
    return layers


def _kappas(network):
    """N_L / N_l of the hidden layers; 0 where a layer is infinitely wide and the last one is not."""
    last = network.widths[-1]
    return [1.0 if width == last else last / width for width in network.widths]


def _backward(solution):
    """R_g and C_g of the layers 1 .. L + 1, times N_l / N_L.

    Where that is infinite the solution holds zeros: such a layer passes on what comes from above.
    """
    decays, kicks = _matrices(solution)
    n = len(solution.times)
    fields = [(np.zeros((n, n)), np.ones((n, n)))]
    for l, kappa in reversed(list(enumerate(_kappas(solution.network), start=1))):
        R, C = fields[0]
        if kappa > 0:
            fields.insert(0, (solution.R_g[l] / kappa, solution.C_g[l] / kappa))
        else:
            fields.insert(0, (decays[l] * R + kicks[l] * C, decays[l] * C))
    return fields


def _matrices(solution):
    r"""$\sigma_l^2 d d^\top$ and $\gamma_0 r_l K$ of the matrices W^0 .. W^L."""
    network, training = solution.network, solution.training
    memory = training.memory()
    decay = np.outer(memory.decay, memory.decay)
    kicks = [network.richness * r * memory.K for r in training.rate_factors(network)]
    return [sigma**2 * decay for sigma in network.init_scales], kicks


class _Inputs:
    """Overlap of weight error v and error signal u of two networks, [T, T]."""

    def __init__(self, solution, shared_data):
        network, (decays, kicks) = solution.network, _matrices(solution)
        self.data, self.R_Delta = solution.data, solution.R_Delta
        self.shared_data = shared_data
        n, gamma, widths = len(solution.times), network.richness, network.widths
        modes = solution.modes
        self.eigenvalues, self.mass, self.power = modes.eigenvalues, modes.mass, modes.power
        decay, (R_g, C_g) = decays[0], _backward(solution)[0]
        X = -(decay * R_g + kicks[0] * C_g) / gamma
        self.noise = decay / (gamma**2 * widths[-1])
        self.E = np.eye(n)
        if network.centered:
            self.E[:, 0] -= 1
        self.H = [np.linalg.inv(np.eye(n) - lam * X @ self.R_Delta) for lam in self.eigenvalues]
        self.RH = [lam * self.R_Delta @ H for lam, H in zip(self.eigenvalues, self.H, strict=True)]
        self.X, self.ones = X, np.ones((n, n))
        self.C_v, self.C_u, self.S, self.raw_S, self.Q, self.Y = np.zeros((6, n, n))

    def advance(self, t, C_g):
        upto = slice(0, t + 1)
        _symmetric_row(self.raw_S, t, (self.noise * C_g)[t, upto])
        _symmetric_row(self.S, t, _propagate(self.E, self.raw_S, t))
        _symmetric_row(self.Y, t, _propagate(self.X, self.Q, t))
        modes = list(zip(self.eigenvalues, self.mass, self.power, self.H, self.RH, strict=True))
        row = sum(
            lam * power * _propagate(H, self.ones, t)
            + lam * mass * _propagate(H, self.S + lam * self.Y, t)
            for lam, mass, power, H, _ in modes
        )
        _symmetric_row(self.C_v, t, row)
        _symmetric_row(self.Q, t, self.shared_data * self._data_noise(t))
        row = sum(
            power * _propagate(RH, self.ones, t)
            + mass * _propagate(RH, self.S, t)
            + lam * mass * _propagate(np.eye(len(RH)) + RH @ self.X, self.Q, t)
            for lam, mass, power, _, RH in modes
        )
        _symmetric_row(self.C_u, t, row)

    def _data_noise(self, t):
        """Row t of Q, equation {eq}`deep-data`, for two networks that see the same samples."""
        residuals = self.C_v + self.data.noise**2
        if self.data.samples is not None:
            return _propagate(self.R_Delta, residuals, t) / self.data.samples
        row = np.zeros(t + 1)
        if self.data.batch is not None:
            row[t] = residuals[t, t] / self.data.batch
        return row
