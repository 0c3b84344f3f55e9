r"""Sharpness: the curvature of the training loss at a trained network, in the limit of infinite size.

Let F be minus the gradient of the training loss, in units in which a step of gradient descent is
$W \leftarrow W + \eta F$ and is unstable along an eigenvector of the Hessian $H = -\partial F/\partial W$
with eigenvalue above $2/\eta$. Every F of the run is one outer product per layer, so the scalar product
of two of them is (equation {eq}`sharpness-gram` of the book)

$$ M(t,s) = F(t) \cdot F(s) = \sum_{l=0}^{L} \frac{N_{l+1}}{N_L} C_g^{l+1}(t,s)\, C_h^l(t,s),
   \qquad \tfrac{N_{L+1}}{N_L} C_g^{L+1} = 1 , $$

and a direction in the space of all weights is a row of coefficients, $p = \sum_s c(s) F(s)$. A step along
$\pm\epsilon p$, taken and taken back, gives the Hessian's image of it (equation {eq}`sharpness-probe`):

$$ H p = -\frac{F(W + \epsilon p) - F(W - \epsilon p)}{2 \epsilon} . $$

Both are training steps with an unusual matrix K, which the solver takes as it takes any other.
"""

from dataclasses import dataclass

import numpy as np

from lib import checks
from lib.problem.broadcasting import one_problem
from lib.problem.training import GradientDescent, Memory, Training
from lib.theory.solve import solve

STEP = 3e-3
"""epsilon in units of one over the sharpness; errors of the difference quotient are of order STEP^2."""

FIRST_ORDER = 3
"""Dimension of the first Krylov space, doubled until `order` is reached.

Each finds out where the spectrum of the Hessian lies, as well as the next one needs to know it: outside of
its interval a Chebyshev polynomial of twice the degree may not have grown.
"""

MARGIN = 2.0
"""A Krylov space of dimension m leaves about this part of its interval, over m^2, beyond its ends."""

MOST_GROWTH = 1e6
"""Krylov vectors with a squared norm beyond this, relative to the first, have left the interval."""

ATTEMPTS = 4
"""So many times an interval is widened for them."""

VANISHED = 1e-12
"""A gradient whose squared norm has fallen to this fraction of the first one is rounding errors."""

NEGLIGIBLE = 1e-7
"""Directions of the Krylov space with a squared norm below this, relative to the largest, are dropped."""


@dataclass(frozen=True, eq=False)
class Sharpness:
    r"""Curvature at some steps of a run; for networks every array has a leading axis over seeds.

    All numbers are in units in which gradient descent of rate $\eta$ is unstable above $2/\eta$.

    Attributes
    ----------
    times : [n]
        Steps at which the run was looked at.
    top : [n]
        Largest eigenvalue of the Hessian of the training loss. In the theory the largest Ritz value
        of a Krylov space, which lies below the eigenvalue and tends to it with growing `order`.
    kernel : [n]
        $\Delta^\top \hat K \Delta / |\Delta|^2$, the Rayleigh quotient of the neural tangent kernel
        ($\hat K = K/P$) along the residuals: exact, and at most the kernel's largest eigenvalue.
    train_loss : [n]
    """

    times: np.ndarray
    top: np.ndarray
    kernel: np.ndarray
    train_loss: np.ndarray


def checked_times(times, steps):
    """`times` as a sorted tuple of different steps of the run."""
    return tuple(sorted(set(checks.steps_of_run(times, steps))))


def supported(network, data, training):
    """Raise ValueError for problems whose Hessian is not covered."""
    one_problem(network, data, training, GradientDescent)
    if training.layer_rates is not None:
        raise ValueError(
            "sharpness is that of one rate for all matrices: leave layer_rates out of the training."
        )
    if network.branch_scale is not None or network.outputs > 1:
        raise ValueError(
            "sharpness covers plain networks with one output: leave branch_scale and outputs out."
        )
    if data.batch is not None:
        raise ValueError(
            "with fresh batches there is no training loss whose Hessian could be taken: "
            "give samples, or neither."
        )
    widths = set(network.widths)
    if np.inf in widths and len(widths) > 1:
        raise ValueError("some widths are inf and some are not: make all of them inf, or none.")


def sharpness(network, data, training, times, *, order=12):
    r"""The sharpness of the infinite-size limit at the steps `times` of a run.

    Parameters
    ----------
    network : Network
        Plain, with one output.
    data : Data
        Population or repeated data.
    training : Training
        `GradientDescent`.
    times : sequence of int
        Steps at which to look.
    order : int
        Dimension of the Krylov space, started from the gradients of step 0 and of the step itself.
        Each step looked at costs 2 `order` more rows of the solver.

    Returns
    -------
    Sharpness
        `top` and `kernel` are nan where the run has diverged, or where the gradient has vanished to
        rounding errors.

    Raises
    ------
    ValueError
        If the problem is not covered or `times` are not steps of the run.
    """
    supported(network, data, training)
    times = checked_times(times, training.steps)
    order = checks.integer("order", order, least=2)
    run = solve(network, data, training, keep_matrices=True)
    products = scalar_products(run)
    norms = np.diag(products)
    reached = [
        t for t in times if np.isfinite(run.train_loss[t]) and norms[t] > VANISHED * norms[0]
    ]
    kernel = np.array([norms[t] / run.train_loss[t] if t in reached else np.nan for t in times])
    starts = {t: {s: 1 / np.sqrt(norms[s]) for s in {0, t}} for t in reached}
    finite = np.isfinite(run.train_loss) & (run.train_loss > 0)
    largest = np.max(norms[finite] / run.train_loss[finite], initial=0.0)
    spectra = dict.fromkeys(reached, (0.0, 4 * largest))
    dimension, top = min(FIRST_ORDER, order), dict.fromkeys(times, np.nan)
    while reached:
        found = _ritz_values(network, data, training, starts, spectra, dimension)
        for t, values in found.items():
            top[t], margin = values[-1], MARGIN / dimension**2
            spectra[t] = _widened(min(values[0], 0.0), values[-1], margin)
        if dimension == order:
            break
        dimension = min(2 * dimension, order)
    top = np.array([top[t] for t in times])
    return Sharpness(np.array(times), top, kernel, run.train_loss[list(times)])


def _widened(low, high, margin):
    return low - margin * (high - low), high + margin * (high - low)


def _ritz_values(network, data, training, starts, spectra, dimension):
    """The eigenvalues of the Hessian within a Krylov space at each step looked at, ascending."""
    spectra = dict(spectra)
    for _ in range(ATTEMPTS):
        probed = Probed(training, starts, spectra, dimension)
        products = scalar_products(solve(network, data, probed, keep_matrices=True))
        grown = [
            t for t, probe in probed.probes.items() if not probe.growth(products) < MOST_GROWTH
        ]
        if not grown:
            return {t: probe.ritz_values(products) for t, probe in probed.probes.items()}
        spectra |= {t: _widened(*spectra[t], 0.1) for t in grown}
    raise ValueError(
        f"a Krylov space of {dimension} dimensions is not resolved at the steps {grown}: lower order."
    )


def scalar_products(solution):
    """M(t,s) of a solution, [rows, rows]: scalar products of the gradients of its steps."""
    widths = solution.network.widths
    products = solution.C_h[len(widths)].copy()
    for layer, width in enumerate(widths):
        ratio = 1.0 if width == widths[-1] else width / widths[-1]
        products += ratio * solution.C_g[layer + 1] * solution.C_h[layer]
    return products


@dataclass(frozen=True)
class Probe:
    """A Krylov space of the Hessian at one step: its vectors and their images, [order, rows] each."""

    vectors: np.ndarray
    images: np.ndarray

    def growth(self, products):
        """Largest squared norm of a vector, relative to the first."""
        norms = np.einsum("ki,ij,kj->k", self.vectors, products, self.vectors, optimize=True)
        return np.max(np.abs(norms)) / norms[0]

    def ritz_values(self, products):
        """Eigenvalues of the Hessian within the space, ascending."""
        gram = self.vectors @ products @ self.vectors.T
        hessian = self.vectors @ products @ self.images.T
        scale = 1 / np.sqrt(np.diag(gram))
        scale = np.outer(scale, scale)
        sizes, axes = np.linalg.eigh(gram * scale)
        kept = sizes > NEGLIGIBLE * sizes[-1]
        basis = axes[:, kept] / np.sqrt(sizes[kept])
        return np.linalg.eigvalsh(basis.T @ ((hessian + hessian.T) / 2 * scale) @ basis)


class Probed(Training):
    """A run that halts at some steps to take `order` pairs of steps to and fro, and then goes on.

    Parameters
    ----------
    training : Training
        The run itself, which the probes do not change.
    starts : dict
        For each step looked at the first Krylov vector: a weight for the gradients of some steps.
    spectra : dict
        For each of them an interval that should hold the eigenvalues. The Krylov vectors are the
        Chebyshev polynomials of this interval, since powers of the Hessian soon become parallel.
    order : int
    """

    def __init__(self, training, starts, spectra, order):
        base = training.memory()
        rows = len(base.K) + 2 * order * len(starts)
        self.steps = rows - 1
        self.K, self.decay = np.zeros((rows, rows)), np.ones(rows)
        self.row_of_step, self.probes = [], {}
        row = 0
        for t, decay in enumerate(base.decay):
            self.K[row, self.row_of_step] = base.K[t, :t]
            self.decay[row] = decay
            self.row_of_step.append(row)
            row += 1
            if t in starts:
                self.probes[t] = self._probe(row, starts[t], spectra[t], order)
                row += 2 * order

    @property
    def span(self):
        """The number of rows after the first."""
        return self.steps

    def memory(self):
        """The run's K with rows W(t) + epsilon p and W(t) - epsilon p at every probe."""
        return Memory(np.arange(self.steps + 1.0), self.K, self.decay)

    def _probe(self, row, start, spectrum, order):
        home = row - 1
        center, half = sum(spectrum) / 2, (spectrum[1] - spectrum[0]) / 2
        epsilon = STEP / np.abs(spectrum).max()
        vectors, images = np.zeros((2, order, self.steps + 1))
        for step, weight in start.items():
            vectors[0, self.row_of_step[step]] += weight
        for k in range(order):
            there, back = row + 2 * k, row + 2 * k + 1
            self.K[there] = self.K[home] + epsilon * vectors[k]
            self.K[back] = self.K[home] - epsilon * vectors[k]
            self.decay[[there, back]] = self.decay[home]
            images[k, there], images[k, back] = -1 / (2 * epsilon), 1 / (2 * epsilon)
            if k + 1 < order:
                scaled = (images[k] - center * vectors[k]) / half
                vectors[k + 1] = scaled if k == 0 else 2 * scaled - vectors[k - 1]
        return Probe(vectors, images)
