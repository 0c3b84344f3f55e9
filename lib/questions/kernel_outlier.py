r"""The leading eigenvalue of the neural tangent kernel, in the limit of infinite size.

A step of the population gradient moves the weights' error by $-\eta \Theta u$, with the D x D kernel

$$ \Theta(t) = \sum_{l=0}^{L} c_l\, \Phi_l^\top \Phi_l, \qquad \Phi_{l+1} = M_l \Phi_l, \quad
   M_l = W^l(t)/\sqrt{N_l}, \quad
   c_l = \frac{r_l \rho_l}{\nu_L} C_g^{l+1}(t,t), \quad c_L = \frac{r_L}{\nu_L} , $$

and the residuals of repeated data by $-\eta\, X \Theta X^\top \Delta/(\alpha D)$. For isotropic inputs their
eigenvalues are those of the Gauss-Newton part of the Hessian. The bulk is that of the random parts of
the matrices (`lib.questions.kernel_bulk`); what training has added to them couples the fields h and g of
past steps, and an eigenvalue outside the bulk is a $\lambda$ where these couplings sustain themselves:
$\det(1 - S(\lambda) \mathcal K) = 0$ (equation {eq}`spikes-kernel-system` of the book). S falls with $\lambda$, so that negative
eigenvalues of $S^{-1} - \mathcal K$ beyond those of $S^{-1}$ count the eigenvalues above $\lambda$, and none can be
missed.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from lib.questions.kernel_cavity import Cavity
from lib.questions.trained_matrices import checked_times, trained_network
from lib.status import Status

NEAREST, FARTHEST = 1 - 1e-9, 1e-9
"""Ends of the search, in the parameter of `KernelBulk`."""


@dataclass(frozen=True, eq=False)
class KernelOutlier:
    r"""Edge of the bulk and leading eigenvalue of the kernel at some steps of a run.

    In units in which gradient descent of rate eta is unstable above $2/\eta$; nan from a divergence on.

    Attributes
    ----------
    times : [T]
        Steps.
    edge : [T]
        Upper edge of the bulk.
    leading : [T]
        Largest eigenvalue outside the bulk; nan where nothing has left it.
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
        Plain, one output, finite widths.
    data : Data
        Any; isotropic and repeated for `of="samples"`.
    training : GradientDescent
    times : int or sequence of int
        Steps at which to look; each costs some twenty solutions of a linear system of 4 L t unknowns.
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
    _covered(network, data, of)
    trained = trained_network(network, data, training)
    times = checked_times(times, training.steps)
    found = np.full((3, len(times)), np.nan)
    for i, t in enumerate(times):
        if t < trained.valid:
            found[:, i] = _look(Cavity(trained, int(t), of))
    edge, leading, count = found
    return KernelOutlier(times, edge, leading, count, trained.run.status)


def _covered(network, data, of):
    if of not in ("weights", "samples"):
        raise ValueError(f"of is {of!r}: give 'weights' or 'samples'.")
    if getattr(network, "branch_scale", None) is not None or getattr(network, "outputs", 1) > 1:
        raise ValueError(
            "the kernel's outlier is derived for plain networks with one output: "
            "leave branch_scale and outputs out, or look at lib.weight_outliers."
        )
    if math.inf in getattr(network, "widths", ()):
        raise ValueError(
            "width is inf: give a large finite width (corrections are of the order of one over it)."
        )
    if of == "samples":
        if data.samples is None:
            raise ValueError("of='samples' is the kernel of a training set: give data samples.")
        spectrum = data.spectrum
        if len(set(spectrum.eigenvalues)) > 1 or spectrum.dimension_free:
            raise ValueError(
                "of='samples' is derived for isotropic inputs: leave spectrum out, or ask for "
                "of='weights'."
            )


def _look(cavity):
    """Edge, leading eigenvalue (nan if in the bulk) and number of eigenvalues above the bulk."""
    edge = cavity.bulk.edge
    if cavity.t == 0:
        return edge, np.nan, 0
    signs, values = cavity.signs_and_eigenvalues(NEAREST)
    count = int(np.sum(values < 0) - np.sum(signs < 0))
    if count <= 0:
        return edge, np.nan, 0

    def crossing(parameter):
        """Changes sign where the first eigenvalue of S^-1 - K beyond those of S^-1 becomes negative."""
        signs, values = cavity.signs_and_eigenvalues(parameter)
        return values[int(np.sum(signs < 0))]

    farthest = 0.5
    while crossing(farthest) < 0 and farthest > FARTHEST:
        farthest /= 2
    root = brentq(crossing, farthest, NEAREST, xtol=1e-15, rtol=1e-14)
    return edge, cavity.bulk.chain(root)[0], count
