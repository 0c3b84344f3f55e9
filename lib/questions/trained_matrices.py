r"""What the solved theory says about every trained matrix: the past that has shaped it.

Matrix l = 0 .. L-1 of a network is, in the units of $W^l(t)/\sqrt{N_l}$ (with $N_0 = D$),

$$ \frac{W^l(t)}{\sqrt{N_l}} = s(t) \Big[ \frac{A}{\sqrt{N_l}}
   + \frac{1}{N_l} \sum_{s<t} k(t,s)\, g^{l+1}(s)\, h^l(s)^\top \Big] , \qquad
   k(t,s) = \frac{r_l\, c_l\, \gamma_0 K(t,s)}{s(t)} , $$

with A of independent standard normal entries, $s(t) = \sigma_l d(t)$ what is left of the initial scale, $r_l$ the
matrix's own factor of the learning rate, and $c_l$ the factor in front of $W^l h^l/\sqrt{N_l}$ in the forward
pass: 1, or $\beta$ for a branch, or $\sqrt{N_0}$ for inputs of a dimension-free spectrum. The fields h and g
respond to the fields of A itself; in units of these a response R is $R(t,s)\, c_l\, s(s)$.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lib.problem.broadcasting import one_problem
from lib.problem.training import GradientFlow
from lib.status import Outcome
from lib.theory.grid import EveryStep
from lib.theory.solution import Solution
from lib.theory.solve import solve


@dataclass(frozen=True)
class MatrixPast:
    r"""One matrix: its shape, what moved it, and the two-time matrices on its two sides.

    With n rows of (step, output), the outputs of a step next to each other.

    Attributes
    ----------
    rho : float
        $N_{l+1}/N_l$.
    scale : [T]
        s(t), the standard deviation of the entries of its random part, T steps.
    k : [T, n]
        Strictly lower triangular in time.
    C_h, R_h : [n, n]
        Correlations of $h^l$, and its responses to the field that A sends down.
    C_g, R_g : [n, n]
        Correlations of $g^{l+1}$, and its responses to the field that A sends up.
    """

    rho: float
    scale: np.ndarray
    k: np.ndarray
    C_h: np.ndarray
    R_h: np.ndarray
    C_g: np.ndarray
    R_g: np.ndarray


@dataclass(frozen=True)
class TrainedNetwork:
    """A solved run, as its matrices see it.

    Attributes
    ----------
    run : Solution
    valid : int
        Steps 0 .. valid - 1 are those before a divergence.
    inputs : int or float
        N_0 in the units of the theory: 1, or the number of directions of a dimension-free spectrum.
    layers : list of MatrixPast or None
        W^0 .. W^{L-1}; None for one between a finite and an infinite layer, whose spectrum has no scale. At infinite depth W^0 alone: no single branch moves there.
    factors : list of float
        c_l, by matrix.
    stream : bool
        Whether the hidden matrices are branches of a residual stream.
    """

    run: Solution
    valid: int
    inputs: float
    layers: list
    factors: list
    stream: bool


def checked_problem(network, data, training):
    """Refuse what is not one problem in steps."""
    if isinstance(training, GradientFlow):
        raise ValueError(
            "outliers need the responses at every step, which gradient flow on its nodes does not "
            "keep: give lib.GradientDescent with small steps (the difference is of the order of eta)."
        )
    one_problem(network, data, training)


def trained_network(network, data, training):
    """Solve one problem at every step; return its `TrainedNetwork`."""
    checked_problem(network, data, training)
    run = solve(network, data, training, grid=EveryStep(), keep_matrices=True)
    ended = run.status.outcome in (Outcome.DIVERGED, Outcome.INTERRUPTED)
    valid = run.status.step if ended else len(run.times)
    free = data.spectrum.dimension_free
    inputs = float(data.spectrum.modes) if free else 1.0
    branch = (
        1.0 if network.branch_scale is None else network.branch_scale / math.sqrt(network.depth)
    )
    sizes = [inputs, *network.widths]
    factors = [math.sqrt(inputs), *[branch] * (len(sizes) - 2)]
    layers = []
    for l, (below, above) in enumerate(pairwise(sizes)):
        unit, factor = inputs if l == 0 else 1.0, factors[l]
        scaled = math.isinf(below) == math.isinf(above)
        rho = 1.0 if below == above else above / below
        layers.append(_matrix(run, l, rho, factor, unit, valid) if scaled else None)
    stream = network.branch_scale is not None
    return TrainedNetwork(run, valid, inputs, layers, factors, stream)


def _matrix(run, l, rho, factor, inputs, valid):
    """Matrix l, whose image of h^l goes into the forward pass with a `factor`."""
    network, training = run.network, run.training
    memory, outputs = training.memory(), network.outputs
    rows = slice(0, valid * outputs)
    scale = network.init_scales[l] * memory.decay[:valid]
    column = factor * np.repeat(scale, outputs)
    moved = training.rate_factors(network)[l] * factor * network.richness * memory.K[:valid, :valid]
    k = np.repeat(
        np.divide(moved, scale[:, None], where=scale[:, None] > 0, out=0 * moved), outputs, 1
    )
    return MatrixPast(
        rho=rho,
        scale=scale,
        k=k,
        C_h=run.C_h[l][rows, rows] / inputs,
        R_h=run.R_h[l][rows, rows] * column / inputs,
        C_g=run.C_g[l + 1][rows, rows],
        R_g=run.R_g[l + 1][rows, rows] * column,
    )


def target_in_signal(trained):
    r"""$\langle u(s) \cdot \beta^*_c \rangle / N_0$ [n, C], and $|\beta^*_c|^2/N_0$ [C].

    From $\langle v \rangle = (1 - \lambda X R_\Delta)^{-1} \beta^*$ in every mode, with X of
    equation {eq}`deep-input` of the book.
    """
    run = trained.run
    network, outputs = run.network, run.network.outputs
    rows = slice(0, trained.valid * outputs)
    memory = run.training.memory()
    ones = np.ones((outputs, outputs))
    K, decay = memory.K[: trained.valid, : trained.valid], memory.decay[: trained.valid]
    sigma, rate = network.init_scales[0], run.training.rate_factors(network)[0]
    untrained = sigma**2 * np.kron(np.outer(decay, decay), ones) * run.R_g[1][rows, rows]
    learned = rate * network.richness * np.kron(K, ones) * run.C_g[1][rows, rows]
    ratio = network.widths[0] / network.widths[-1]
    X = -ratio * (untrained + learned) / network.richness
    R_Delta = run.R_Delta[rows, rows]
    output = np.tile(np.eye(outputs), (trained.valid, 1))
    signal = np.zeros((len(X), outputs))
    for eigenvalue, power in zip(run.modes.eigenvalues, run.modes.power, strict=True):
        mean = np.linalg.solve(np.eye(len(X)) - eigenvalue * X @ R_Delta, output)
        signal += eigenvalue * R_Delta @ mean @ power
    return signal / trained.inputs, run.data.spectrum.target_size(outputs) / trained.inputs
