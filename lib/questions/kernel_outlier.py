r"""The leading eigenvalue of the neural tangent kernel, in the limit of infinite size.

A step of the population gradient moves the weights' error by $-\eta \Theta u$, with the D x D kernel

$$ \Theta(t) = \sum_{l=0}^{L} c_l\, \Phi_l^\top \Phi_l, \qquad \Phi_{l+1} = M_l \Phi_l, \quad
   M_l = W^l(t)/\sqrt{N_l}, \quad
   c_l = \frac{r_l \rho_l}{\nu_L} C_g^{l+1}(t,t), \quad c_L = \frac{r_L}{\nu_L} , $$

and the residuals of repeated data by $-\eta\, X \Theta X^\top \Delta/(\alpha D)$. For isotropic inputs their
eigenvalues are those of the Gauss-Newton part of the Hessian. On a residual stream $\Phi_{l+1} = \Phi_l + \beta M_l \Phi_l$ for l >= 1, and $c_l$ has a factor $\beta^2$ for
0 < l < L. The bulk is that of the random parts of
the matrices (`lib.questions.kernel_bulk`); what training has added to them couples the fields h and g of
past steps, and an eigenvalue outside the bulk is a $\lambda$ where these couplings sustain themselves:
$\det(1 - S(\lambda) \mathcal K) = 0$ (equation {eq}`spikes-kernel-system` of the book). S falls with $\lambda$, so that negative
eigenvalues of $S^{-1} - \mathcal K$ beyond those of $S^{-1}$ count the eigenvalues above $\lambda$, and none can be
missed.

With C outputs the kernel is D C x D C, and $C_g^{l+1}(tc, tc')$ takes the place of $C_g^{l+1}(t,t)$. In the principal
outputs (chapter "Do two outputs of one network help each other?") it has no entries between different
ones, and the past of the matrices is that of C networks with one output each: the kernel is C kernels,
one for the weights $c_l$ of each output, and each of them sees the pasts of all.
"""

import math
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from lib import checks
from lib.problem.spectrum import Spectrum
from lib.questions.kernel_cavity import Cavity
from lib.questions.trained_matrices import checked_problem, trained_network
from lib.status import Status

NEAREST, FARTHEST = 1 - 1e-9, 1e-9
"""Ends of the search, in the parameter of `KernelBulk`."""

COMMON = 1e-9
"""Targets share their principal axes if what is left between them is smaller than this, relative."""


@dataclass(frozen=True, eq=False)
class KernelOutlier:
    r"""Edge of the bulk and leading eigenvalue of the kernel at some steps of a run.

    In units in which gradient descent of rate $\eta$ is unstable above $2/\eta$; nan from a divergence on.

    Attributes
    ----------
    times : [T]
        Steps.
    edge : [T]
        Upper edge of the bulk.
    leading : [T]
        Largest eigenvalue outside the bulk; nan where nothing has left it, and where a loss that
        explodes leaves it to rounding errors.
    count : [T]
        How many eigenvalues lie above the bulk.
    status : Status
        Of the run.
    """

    times: np.ndarray
    edge: np.ndarray
    leading: np.ndarray
    count: np.ndarray
    status: Status


def kernel_outlier(network, data, training, times, of="weights"):
    r"""Edge of the bulk and leading eigenvalue of the tangent kernel in the infinite-size limit.

    Parameters
    ----------
    network : Network
        Plain or residual, finite depth and widths. With several outputs the kernel is D C x D C, and
        the targets must have the same principal axes in all modes.
    data : Data
        Any; isotropic and repeated for `of="samples"`.
    training : GradientDescent
    times : int or sequence of int
        Steps at which to look; each costs some twenty solutions of a linear system of 4 L t unknowns,
        times the square of the number of outputs of different strength.
    of : "weights" or "samples"
        $\Theta$ itself, D x D, or the kernel of repeated data $X \Theta X^\top/(\alpha D)$, P x P.

    Returns
    -------
    KernelOutlier

    Raises
    ------
    ValueError
        For problems that are not covered, or times that are not steps of the run.
    """
    _covered(network, data, training, of)
    outputs = [
        (trained_network(replace(network, outputs=1), alone, training), equal)
        for alone, equal in _principal_outputs(network, data)
    ]
    times = np.array(checks.steps_of_run(times, training.steps))
    first = min((trained for trained, _ in outputs), key=lambda trained: trained.valid)
    found = np.full((3, len(times)), np.nan)
    for i, t in enumerate(times):
        if t < first.valid:
            found[:, i] = _look(outputs, int(t), of)
    edge, leading, count = found
    return KernelOutlier(times, edge, leading, count, first.run.status)


def _covered(network, data, training, of):
    checked_problem(network, data, training)
    if of not in ("weights", "samples"):
        raise ValueError(f"of is {of!r}: give 'weights' or 'samples'.")
    if math.inf in (network.depth, *network.widths):
        raise ValueError(
            "depth or width is inf: give a large finite one (corrections are of the order of one over it)."
        )
    if of == "samples":
        if data.samples is None:
            raise ValueError("of='samples' is the kernel of a training set: give data samples.")
        spectrum = data.spectrum
        if spectrum.dimension_free or np.ptp(spectrum.eigenvalues) > 0:
            raise ValueError(
                "of='samples' is derived for isotropic inputs: leave spectrum out, or ask for "
                "of='weights'."
            )


def _principal_outputs(network, data):
    """The data of each principal output alone, and how many have the same."""
    spectrum = data.spectrum
    if network.outputs == 1:
        return [(data, 1)]
    powers = spectrum.target_power
    if powers.ndim == 1:
        return [(data, network.outputs)]
    # Common axes are those of a sum with any weights that do not make different strengths equal.
    weights = spectrum.mass * (2 + np.cos(np.arange(len(powers))))
    axes = np.linalg.eigh(np.einsum("k,kcd->cd", weights, powers))[1]
    turned = axes.T @ powers @ axes
    strengths = np.einsum("kcc->ck", turned)
    between = turned - np.einsum("ck,cd->kcd", strengths, np.eye(len(axes)))
    if np.abs(between).max() > COMMON * np.abs(powers).max():
        raise ValueError(
            "the targets have different principal axes in different modes, for which the kernel's "
            "outlier is not derived: look at lib.measured_outliers or lib.weight_outliers."
        )
    distinct = []
    for power in np.maximum(strengths, 0):
        for entry in distinct:
            if np.allclose(entry[0], power, rtol=COMMON, atol=COMMON * np.abs(powers).max()):
                entry[1] += 1
                break
        else:
            distinct.append([power, 1])
    return [(replace(data, spectrum=_with_power(spectrum, power)), n) for power, n in distinct]


def _with_power(spectrum, power):
    if spectrum.dimension_free:
        return Spectrum.trace_class(spectrum.eigenvalues, power, spectrum.mass)
    return Spectrum(spectrum.eigenvalues, power, spectrum.mass)


def _look(outputs, t, of):
    """Edge, leading eigenvalue (nan if in the bulk) and number of eigenvalues above the bulk."""
    pairs = [
        (Cavity(past, t, of, output), equal * others)
        for (output, equal), (past, others) in product(outputs, outputs)
    ]
    edge = max(cavity.bulk.edge for cavity, _ in pairs)
    tops, count = [], 0
    for cavity, equal in pairs if t > 0 else []:
        nearest = NEAREST
        if cavity.bulk.edge < edge:
            nearest = min(nearest, cavity.bulk.parameter(edge))
        outside = _above(cavity, nearest)
        count += equal * len(outside)
        tops += [top for top in outside[:1] if np.isfinite(top)]
    return edge, max(tops, default=np.nan), count


def _above(cavity, nearest):
    """Eigenvalues above the one at parameter `nearest`: the largest, and nan for each of the others."""
    signs, values = cavity.signs_and_eigenvalues(nearest)
    count = int(np.sum(values < 0) - np.sum(signs < 0))
    if count <= 0:
        return []

    def crossing(parameter):
        """Changes sign where the first eigenvalue of S^-1 - K beyond those of S^-1 becomes negative."""
        signs, values = cavity.signs_and_eigenvalues(parameter)
        return values[int(np.sum(signs < 0))]

    from scipy.optimize import brentq  # slow to import

    farthest = nearest / 2
    while crossing(farthest) < 0 and farthest > FARTHEST:
        farthest /= 2
    if not crossing(farthest) > 0:
        return [np.nan] * count
    root = brentq(crossing, farthest, nearest, xtol=1e-15, rtol=1e-14)
    return [cavity.bulk.chain(root)[0], *[np.nan] * (count - 1)]
