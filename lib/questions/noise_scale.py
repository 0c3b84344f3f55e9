r"""How noisy the gradients of fresh samples are: the noise scale, in the limit of infinite size.

The gradient of a batch is minus $G + \text{noise}$, with G its mean, in the units of
`lib.questions.sharpness`: a step is $W \leftarrow W + \eta r_l (G + \text{noise})$. Its squared norm is a sum over
the matrices of products of their two fields,

$$ \mathbb E\, |G + \text{noise}|^2 = \sum_{l=0}^{L} r_l \beta_l^2 \frac{N_{l+1}}{N_L}\, C_g^{l+1}(t,t)\, C_h^l(t,t) , $$

with $\beta_l$ the factor of a branch, 1 for other matrices. The noise of the step's own samples,
$\langle\zeta_u^2\rangle = Q \bar\lambda$ with $Q = C_\Delta(t,t)/\alpha_B$ and $\bar\lambda$ the mean variance
of the inputs, has never met the weights. On its way up it is a random direction, to which the few directions that
training has moved are invisible: layer l sees it times $a_l = \prod_{m<l} \sigma_m^2 d(t)^2$ (a branch: times
$1 + \beta^2 \sigma_m^2 d^2$). What is left is the signal,

$$ \text{noise} = \frac{\bar\lambda C_\Delta}{\alpha_B} \sum_l r_l \beta_l^2 \frac{N_{l+1}}{N_L} C_g^{l+1} a_l ,
   \qquad \text{signal} = |G|^2 = -\frac12 \frac{\partial C_v}{\partial \eta_t} , $$

and the batch at which both are equal is the noise scale $\mathcal B = \alpha_B\, \text{noise}/\text{signal}$
("simple" in McCandlish, Kaplan, Amodei 2018), in units of D as $\alpha_B$ is.
"""

import math
from dataclasses import dataclass

import numpy as np

from lib.problem.broadcasting import one_problem
from lib.problem.layerwise import by_matrix
from lib.problem.training import GradientDescent
from lib.theory.grid import EveryStep
from lib.theory.solve import solve


@dataclass(frozen=True, eq=False)
class NoiseScale:
    r"""Signal and noise of the gradients of a run; nan from a divergence on.

    Attributes
    ----------
    times : [T + 1]
        Steps.
    signal : [T + 1]
        $|G|^2$, the squared norm of the mean gradient; half of what the excess loss falls by, for each
        unit of a small learning rate.
    noise : [T + 1]
        What a batch of one unit of `Data.batch` (D samples; a single sample with a dimension-free
        spectrum) adds to it.
    scale : [T + 1]
        $\mathcal B$ = noise / signal, the batch at which both are equal, in the units of `Data.batch`.
    excess_loss : [T + 1]
        Of the same run.
    """

    times: np.ndarray
    signal: np.ndarray
    noise: np.ndarray
    scale: np.ndarray
    excess_loss: np.ndarray


def noise_scale(network, data, training):
    r"""The noise scale of the gradients along a run, in the theory.

    Parameters
    ----------
    network : Network
        One output, finite depth, widths all finite or all infinite.
    data : Data
        One pass, or the population: there it is the noise that a batch would have had at each step.
    training : GradientDescent

    Returns
    -------
    NoiseScale

    Raises
    ------
    ValueError
        For repeated data, where batches are not fresh, and for networks that are not covered.

    Notes
    -----
    McCandlish, Kaplan and Amodei, "An Empirical Model of Large-Batch Training" (2018). A step counts
    each matrix with its own rate (`layer_rates`); momentum is left out: it is the gradient's noise.
    """
    _supported(network, data, training)
    run = solve(network, data, training, grid=EveryStep(), keep_matrices=True)
    decay, depth = training.memory().decay ** 2, network.depth
    rates = by_matrix("layer_rates", training.layer_rates or 1.0, depth)
    branch = None if network.branch_scale is None else network.branch_scale / math.sqrt(depth)
    mean_variance = float(run.modes.mass @ run.modes.eigenvalues)
    one_unit = mean_variance * np.diagonal(run.C_Delta)  # alpha_B = 1
    squared, per_unit, carried = 0.0, 0.0, np.ones(len(run.times))
    for l, (rate, scale) in enumerate(zip(rates, network.init_scales, strict=True)):
        inner = branch is not None and 0 < l < depth
        weight = rate * (branch**2 if inner else 1.0) * _above(network, run, l)
        squared = squared + weight * np.diagonal(run.C_h[l])
        per_unit = per_unit + weight * carried * one_unit
        random = scale**2 * decay
        carried = carried * (1 + branch**2 * random if inner else random)
    signal = squared - (per_unit / data.batch if data.batch is not None else 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        columns = [np.where(np.isfinite(run.excess_loss), x, np.nan) for x in (signal, per_unit)]
        scale = columns[1] / columns[0]
    return NoiseScale(run.times, *columns, scale, run.excess_loss)


def _above(network, run, l):
    """$N_{l+1} C_g^{l+1}(t,t)/N_L$, 1 above the readout."""
    if l == network.depth:
        return 1.0
    ratio = network.widths[l] / network.widths[-1] if math.isfinite(network.widths[-1]) else 1.0
    return ratio * np.diagonal(run.C_g[l + 1])


def _supported(network, data, training):
    """Raise ValueError for problems that are not covered."""
    one_problem(network, data, training, GradientDescent)
    if data.samples is not None:
        raise ValueError(
            "the noise scale is that of fresh samples, and these are used again: give batch, or neither."
        )
    if network.outputs > 1 or math.isinf(network.depth):
        raise ValueError("the noise scale covers one output and finite depth.")
    infinite = {math.isinf(width) for width in network.widths}
    if len(infinite) > 1:
        raise ValueError("some widths are inf and some are not: make all of them inf, or none.")
