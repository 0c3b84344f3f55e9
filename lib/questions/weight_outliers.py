r"""Outliers in the spectrum of every trained matrix, in the limit of infinite size.

The bulk of $W^l(t)/\sqrt{N_l}$ stays that of its random start; training is a perturbation of low rank that
depends on it, and pulls single singular values out (chapter "What grows inside a trained matrix?";
`lib.questions.spikes` has the equations).
"""

from dataclasses import dataclass

import numpy as np

from lib import checks
from lib.questions.spikes import Spikes, green
from lib.questions.trained_matrices import target_in_signal, trained_network
from lib.status import Status


@dataclass(frozen=True, eq=False)
class WeightOutliers:
    r"""Bulk and outliers of the singular values of $W^l(t)/\sqrt{N_l}$, l = 0 .. L-1, $N_0 = D$.

    T times, L matrices ($W^0$ alone at infinite depth), J as many outliers as any of them has, at least
    one place; nan where there are fewer, from a divergence on, and for a matrix between a finite and
    an infinite layer ($W^0$ of an infinitely wide network), whose spectrum has no scale.

    Attributes
    ----------
    times : [T]
        Steps.
    edges : [T, L, 2]
        Lower and upper edge of the bulk.
    upper : [T, L, J]
        Outliers above the bulk, largest first.
    lower : [T, L, J]
        Outliers below it, smallest first.
    gain : [T, L]
        Largest gain at the upper edge: an outlier where it exceeds 1.
    overlaps : dict
        Squared cosines of the singular vectors of the outliers of `upper`: "h" and "g" [T, L, J, T'], right vector
        with $h^l(s)$ and left vector with $g^{l+1}(s)$ at all T' = steps + 1 steps s; "target" [T, J], right
        vector of $W^0$ with $\beta^*$; "readout" [T, J], left vector of $W^{L-1}$ with the readout at the
        same time. With several outputs one more axis [C] (equal outputs have equal outliers, whose vectors
        only span a space: sum over outputs). A vector that an output lacks has overlap nan.
    status : Status
        Of the run.
    """

    times: np.ndarray
    edges: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    gain: np.ndarray
    overlaps: dict
    status: Status

    def count(self):
        """How many outliers lie above the bulk, [T, L]."""
        return np.isfinite(self.upper).sum(axis=-1)


def bulk_density(z, edges):
    """Density of the non-zero singular values of a random matrix, between the two edges of its bulk.

    Parameters
    ----------
    z : [n]
    edges : (low, high)
        As in `WeightOutliers.edges`.

    Returns
    -------
    [n]
        Integrates to one.
    """
    low, high = edges
    # 1 +- sqrt(rho) in units of the scale; the sum over both sides has the smaller of 1 and rho.
    fewer = ((high - low) / 2) ** 2
    inside = np.maximum((high**2 - z**2) * (z**2 - low**2), 0)
    return np.sqrt(inside) / (np.pi * z * fewer)


def weight_outliers(network, data, training, times):
    r"""Bulk and outliers of every trained matrix of the infinite-size limit at some steps of a run.

    One solution serves all `times`; each of them costs a few products of T x T matrices with thin ones
    per matrix. It is one at every step, however long the run: nodes and a compressed past keep no
    responses.

    Parameters
    ----------
    network : Network
        Plain or residual, any outputs.
    data : Data
    training : GradientDescent
    times : int or sequence of int
        Steps at which to look.

    Returns
    -------
    WeightOutliers

    Raises
    ------
    ValueError
        For sequences of problems, gradient flow, or times that are not steps of the run.

    Notes
    -----
    Equations {eq}`spikes-condition` and {eq}`spikes-one-step` of the book. Lauditi, Pehlevan and Bordelon
    (arXiv 2605.07870) treat outliers of trained deep linear networks in the proportional limit.
    """
    trained = trained_network(network, data, training)
    times = np.array(checks.steps_of_run(times, training.steps))
    matrices = [matrix and Spikes(matrix, network.outputs) for matrix in trained.layers]
    found = [
        [_look(spikes, t) if spikes and t < trained.valid else _NOTHING for spikes in matrices]
        for t in times
    ]
    edges = np.array([spikes.edges if spikes else (np.nan, np.nan) for spikes in matrices])
    scales = np.full((len(times), len(matrices)), np.nan)
    for i, l in np.ndindex(scales.shape):
        if matrices[l] and times[i] < trained.valid:
            scales[i, l] = matrices[l].matrix.scale[times[i]]
    return WeightOutliers(
        times=times,
        edges=scales[:, :, None] * edges,
        upper=scales[:, :, None] * _filled([[look.upper for look in row] for row in found]),
        lower=scales[:, :, None] * _filled([[look.lower for look in row] for row in found]),
        gain=np.array([[look.gain for look in row] for row in found]),
        overlaps=_overlaps(trained, matrices, times, found),
        status=trained.run.status,
    )


@dataclass(frozen=True)
class _Look:
    """One matrix at one time, without its scale: outliers z, their w, the gain at the edge."""

    upper: list
    lower: list
    w: list
    gain: float


_NOTHING = _Look([], [], [], np.nan)


def _look(spikes, t):
    above = spikes.above(t)
    below = spikes.below(t)
    rho = spikes.matrix.rho
    return _Look(
        [green(w, rho)[0] for w in above], [green(w, rho)[0] for w in below], above, spikes.gain(t)
    )


def _filled(lists):
    """Lists of numbers [T][L][..] as an array [T, L, J], nan where they end."""
    most = max(1, *(len(entries) for row in lists for entries in row))
    filled = np.full((len(lists), len(lists[0]), most), np.nan)
    for i, row in enumerate(lists):
        for l, entries in enumerate(row):
            filled[i, l, : len(entries)] = entries
    return filled


def _overlaps(trained, matrices, times, found):
    """Squared cosines of all outliers above the bulk; see `WeightOutliers`."""
    network, steps, outputs = (
        trained.run.network,
        len(trained.run.times),
        trained.run.network.outputs,
    )
    most = max(1, *(len(look.w) for row in found for look in row))
    with_h, with_g = np.full((2, len(times), len(matrices), most, steps, outputs), np.nan)
    with_target, with_readout = np.full((2, len(times), most, outputs), np.nan)
    if matrices[0]:
        signal, squared = target_in_signal(trained)
    for i, t in enumerate(times):
        for l, spikes in enumerate(matrices):
            for j, w in enumerate(found[i][l].w):
                matrix = spikes.matrix
                alpha, beta, c, size = spikes.vectors(t, w, j)
                for kept, overlap, norm in (
                    (with_h, alpha, np.diag(matrix.C_h)),
                    (with_g, beta, matrix.rho * np.diag(matrix.C_g)),
                ):
                    cosines = _ratio(overlap**2, size * norm)
                    kept[i, l, j, : trained.valid] = cosines.reshape(-1, outputs)
                if l == 0:
                    along = c @ signal[: len(c)]
                    with_target[i, j] = _ratio(along**2, size * squared)
                if l == network.depth - 1:
                    now = slice(t * outputs, (t + 1) * outputs)
                    with_readout[i, j] = _ratio(
                        beta[now] ** 2, size * matrix.rho * np.diag(matrix.C_g)[now]
                    )
    only = 0 if outputs == 1 else slice(None)
    return {
        "h": with_h[..., only],
        "g": with_g[..., only],
        "target": with_target[..., only],
        "readout": with_readout[..., only],
    }


def _ratio(top, bottom):
    return np.divide(top, bottom, out=np.full(np.shape(top), np.nan), where=bottom > 0)
