r"""Do theory and networks agree? One test, whose false alarms and whose power are known.

Seeds are rows, points of a curve are columns: $x_{ji}$ is what network j measured at point i, $e_i$ what
the theory says. At each point Student's statistic is

$$ t_i = \frac{\sqrt n\, (\bar x_i - e_i)}{s_i}, \qquad
   \text{and } t = \sqrt{n-1}\,\cot\theta_i \text{ with } \theta_i \text{ the angle between }
   x_i - e_i \text{ and } (1, \dots, 1) $$

in the space of the n seeds. If the theory is right and the seeds are independent Gaussians, nothing
distinguishes the direction (1, .., 1) from any other: it lies at random on the sphere, whatever the
curve's correlations, which are the shape of the path that $x_i - e_i$ takes there. The chance that a
random direction comes within $\theta$ of a path of length $\kappa$ is at most that of a tube around it
(Hotelling 1939, Naiman 1986):

$$ P(\max_i |t_i| > u) \le 2 \Big[ P(t_{n-1} > u) + \frac{\kappa}{2\pi}
   \Big(1 + \frac{u^2}{n-1}\Big)^{-(n-2)/2} \Big] . $$

With m points it is also at most $2 m P(t_{n-1} > u)$ (Bonferroni); the smaller bound gives u. No
resampling is needed, and the level can be far below one over the number of resamplings.
"""

from dataclasses import dataclass

import numpy as np

from lib import checks

LEVEL = 1e-5
"""Chance of a false alarm of one call, at most."""

POWER = 0.9
"""Chance with which a deviation of size `Agreement.catches` is caught."""


@dataclass(frozen=True)
class Agreement:
    """The verdict of `agree`; true if theory and networks agree, and one readable line as text.

    Attributes
    ----------
    deviation : float
        Largest $|t_i|$ over the points, after the allowance for finite size.
    allowed : float
        The u that the largest may reach.
    catches : float
        Smallest relative error of the theory, common to all points, that this comparison would have
        noticed with probability 0.9; at points that scatter (the start of a centered network does not).
    catches_single : float
        The same for an error at a single point, whichever it is.
    worst : float
        Largest relative distance between the networks' average and the theory.
    at : int
        Index of the point of the largest deviation.
    seeds, points : int
    allowance : float
        Largest relative difference that finite size is allowed.
    """

    deviation: float
    allowed: float
    catches: float
    catches_single: float
    worst: float
    at: int
    seeds: int
    points: int
    allowance: float

    def __bool__(self):
        return self.deviation <= self.allowed

    def __str__(self):
        verdict = "agree" if self else f"DISAGREE at point {self.at}"
        size = f", beyond {_percent(self.allowance)} for finite size" if self.allowance else ""
        single = "" if self.points == 1 else f" ({_percent(self.catches_single)} at one point)"
        return (
            f"{verdict}: largest deviation {self.deviation:.1f} of {self.allowed:.1f} allowed{size}; "
            f"would have caught {_percent(self.catches)}{single}"
        )

    __repr__ = __str__


def _percent(share):
    """Two digits, without an exponent."""
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.0f} %"


def agree(expected, measured, *, loss="excess_loss", middle="mean", allowance=0.0, points=None):
    r"""Compare a theory with networks.

    Parameters
    ----------
    expected : Solution, number or [m]
        What the theory says.
    measured : Runs or [seeds, m]
        What networks say; at least four seeds.
    loss : str
        Which curve of a `Solution` and `Runs` to compare.
    middle : "mean" or "log"
        Average over seeds. "log" is for losses that scatter by tens of per cent and are skewed (one
        pass, power laws, near an edge): they are taken as log-normal, of mean
        $\exp(\overline{\log x} + s^2/2)$ (Cox).
    allowance : float or [m]
        Relative difference that is allowed for finite size, c / D with the constant c of the regime;
        one for each point where c grows, as it does late in training.
    points : sequence of int or None
        Which points of the curves to compare; None: all.

    Returns
    -------
    Agreement
        False alarms come with a chance of 1e-5 at most (see this module's equations).

    Raises
    ------
    ValueError
        If shapes do not fit, seeds are too few, or values are not finite.
    """
    expected, samples = _curves(expected, measured, loss)
    if points is not None:
        expected, samples = expected[list(points)], samples[:, list(points)]
    allowance = checks.numbers("allowance", allowance, "a number, or one per point")
    if allowance.shape not in ((), expected.shape) or not (allowance >= 0).all():
        raise ValueError("allowance must be >= 0: give a number, or one for each point.")
    center, error, rows = _statistics(samples, middle)
    if middle == "log":
        expected = _log(expected)
    scale = np.ones_like(expected) if middle == "log" else np.abs(expected)
    slack = allowance * scale
    nearest = np.clip(center, expected - slack, expected + slack)
    rounding = 1e-10 * (
        scale + np.abs(expected)
    )  # points that do not scatter at all, step 0 for one
    statistic = np.abs(center - nearest) / (error + rounding)
    seeds, count = rows.shape
    allowed = threshold(seeds, count, path_length(rows - nearest))
    at = int(np.argmax(statistic))
    relative = (_noticed(seeds, allowed) * (error + rounding) + slack) / (scale + 1e-300)
    scatters = error > 1e-6 * scale
    common = relative[scatters] if scatters.any() else relative
    distance = np.abs(center - expected)
    distance = np.expm1(distance) if middle == "log" else distance / (scale + 1e-300)
    return Agreement(
        deviation=float(statistic[at]),
        allowed=float(allowed),
        catches=float(common.min()),
        catches_single=float(relative.max()),
        worst=float(distance.max()),
        at=at,
        seeds=seeds,
        points=count,
        allowance=float(np.max(allowance)),
    )


def finite_size(loss, network, data=None):
    r"""c(t) of the relative difference c / D that the mean of networks has from a curve of the theory.

    With $S = \sum_l 1/\nu_l$, $\nu$ the narrowest layer and C outputs

    $$ c = 2 + \frac{1}{\alpha_B}\Big(\frac12 + \frac{3}{20\,\nu}\Big)
       + \frac{3\,(C-1)}{\nu} \Big(1 - \frac{E(t)}{E(0)}\Big) + \kappa \log^2 \frac{E(0)}{E(t)}, $$

    $\kappa = \frac12 (S + \frac{1}{2\nu_L})$ for centered networks and $0.15 + S/4$ for others. The last term: a
    network's rate of learning r differs from the next one's by some $\delta \sim D^{-1/2}$, and the mean of
    $e^{-rt(1+\delta)}$ exceeds $e^{-rt}$ by the factor $1 + (rt)^2 \langle\delta^2\rangle/2$. The constants are
    measured and rounded up, with 200 to 1,500 networks each, one to four layers and D = 75 to 400; for
    spectra of order one and rates away from instability.

    Parameters
    ----------
    loss : [T + 1]
        The theory's curve; where it exceeds its start what grows with learning is zero.
    network : lib.Network
    data : lib.Data or None
        Of which the batch counts.

    Returns
    -------
    [T + 1]
        The `allowance` that `agree` takes, times D: divide it by ``runs.dim``.
    """
    left = np.minimum(np.asarray(loss, float) / loss[0], 1)
    narrow, inverse = min(1, *network.widths), sum(1 / width for width in network.widths)
    batch = data.batch if data is not None and data.batch else np.inf
    last = 1 / network.widths[-1]
    rate = (inverse + last / 2) / 2 if network.centered else 0.15 + inverse / 4
    start = 2 + (0.5 + 0.15 / narrow) / batch
    return start + 3 * (network.outputs - 1) / narrow * (1 - left) + rate * np.log(left) ** 2


def summarise(samples, middle="mean"):
    """Center and standard error over the first axis (seeds) of `samples` [seeds, ...].

    `middle` is "mean", "log" (mean of a log-normal, see `agree`) or "median". The standard error of a
    median is 1.2533 times that of a mean of Gaussian samples, whose standard deviation is taken from
    the quartiles. The bars of figures assume nothing about the samples: `lib.plots.median`.
    """
    samples = np.asarray(samples, float)
    if len(samples) < 2:
        raise ValueError("a standard error needs at least two seeds: run more.")
    if middle == "median":
        low, high = np.quantile(samples, [0.25, 0.75], axis=0)
        spread = 1.2533 * (high - low) / 1.349
        return np.median(samples, axis=0), spread / np.sqrt(len(samples))
    center, error, _ = _statistics(samples, middle)
    if middle == "log":
        center = np.exp(center)
        error = center * error
    return center, error


def averaging(middle):
    """numpy's function for `middle`, which is "mean" or "median"."""
    averages = {"mean": np.mean, "median": np.median}
    if middle not in averages:
        raise ValueError(f"middle is {middle!r}: give 'mean' or 'median'.")
    return averages[middle]


def threshold(seeds, points, length, level=LEVEL):
    """The u that the largest |t| of `points` points, on a path of `length`, exceeds with chance `level`."""
    # Only now: scipy.stats and optimize take longer to import than the rest of the package.
    from scipy.optimize import brentq
    from scipy.special import stdtr

    freedom = seeds - 1

    def excess(log_u):
        u = np.exp(log_u)
        tail = stdtr(freedom, -u)
        tube = tail + length / (2 * np.pi) * (1 + u**2 / freedom) ** (-(freedom - 1) / 2)
        return np.log(2 * min(points * tail, tube) + 1e-300) - np.log(level)

    return float(np.exp(brentq(excess, np.log(1e-2), np.log(1e6))))


def path_length(rows):
    """Length of the path that the columns of `rows` [seeds, m] take on the unit sphere, column by column."""
    sizes = np.linalg.norm(rows, axis=0)
    unit = rows[:, sizes > 0] / sizes[sizes > 0]
    steps = np.linalg.norm(np.diff(unit, axis=1), axis=0)
    return float(2 * np.arcsin(np.minimum(steps / 2, 1)).sum())


def _curves(expected, measured, loss):
    """The theory [m] and the networks [seeds, m] at the same points."""
    if hasattr(measured, loss):
        if hasattr(expected, loss):
            same = np.array_equal(expected.times, measured.times)
            expected = getattr(expected if same else expected.at(measured.times), loss)
        measured = getattr(measured, loss)
    samples = np.asarray(measured, float)
    expected = np.atleast_1d(np.asarray(expected, float))
    if samples.ndim == 1:
        samples = samples[:, None]
    if samples.ndim != 2 or expected.shape != samples.shape[1:]:
        raise ValueError(
            f"the theory has shape {expected.shape} and the networks {samples.shape}: give [m] and "
            "[seeds, m], one configuration of a sweep at a time."
        )
    if len(samples) < 4:
        raise ValueError(f"there are {len(samples)} seeds: give at least 4, better 24.")
    if not (np.isfinite(samples).all() and np.isfinite(expected).all()):
        raise ValueError("some values are not finite: leave diverged or interrupted runs out.")
    return expected, samples


def _statistics(samples, middle):
    """Center, its standard error, and the rows that scatter about it, of which Student's t is made."""
    if middle not in ("mean", "log"):
        raise ValueError(f"middle is {middle!r}: give 'mean' or 'log'.")
    if middle == "log":
        samples = _log(samples)
    spread = samples.std(axis=0, ddof=1)
    error = spread / np.sqrt(len(samples))
    if middle == "log":
        samples = samples + spread**2 / 2
        error = error * np.sqrt(1 + spread**2 / 2)
    return samples.mean(axis=0), error, samples


def _log(values):
    values = np.asarray(values, float)
    if not (values > 0).all():
        raise ValueError("middle is 'log' but some values are not positive: give 'mean'.")
    return np.log(values)


def _noticed(seeds, allowed):
    """Size in standard errors at which Student's statistic exceeds `allowed` with chance `POWER`."""
    from scipy.special import nctdtrinc

    return float(nctdtrinc(seeds - 1, 1 - POWER, allowed))
