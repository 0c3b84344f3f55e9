"""The data covariance and the target, mode by mode."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from lib import checks
from lib.problem import power_law, quadrature
from lib.problem.equal_by_value import ByValue

ROUNDED = 1e-6
"""Masses may sum to one up to this: a few numbers in single precision do no better."""

MOST_MODES = 2**53
"""Beyond this number floats do not count one by one."""


@dataclass(frozen=True, eq=False)
class Spectrum(ByValue):
    r"""Eigenmodes of the data covariance and how the target sits on them.

    Mode k has variance $\lambda_k$ and target weight $\beta^*_k$ with $(\beta^*_k)^2 = w_k^2$; averages are
    sums over modes with masses $m_k$.

    The constructors `trace_class`, `power_law` and `from_data` give dimension-free spectra, in which
    masses are numbers of modes, every D of the theory is 1, and `width`, `samples` and `batch` are
    the counts N, P and B themselves.

    Parameters
    ----------
    eigenvalues : [M]
        $\lambda_k > 0$.
    target_power : [M] or [M, C, C]
        $w_k^2 \ge 0$; with C outputs, the target's covariance over outputs in each mode. Numbers [M]
        stand for independent targets of equal strength, $w_k^2$ times the identity.
    mass : [M]
        $m_k > 0$, the fraction of the D input directions that mode k stands for; sums to 1.

    Raises
    ------
    ValueError
        If lengths differ, a number is out of range, or masses do not sum to 1.
    """

    eigenvalues: np.ndarray
    target_power: np.ndarray
    mass: np.ndarray
    dimension_free: bool = field(default=False, init=False)

    def __post_init__(self):
        mass = checks.column("mass", self.mass, positive=True)
        total = mass.sum()
        if abs(total - 1) > ROUNDED:
            raise ValueError(
                f"mass sums to {total:.12g}, not 1: divide by the sum, "
                "or use Spectrum.trace_class for numbers of modes."
            )
        self._store(mass if abs(total - 1) < 1e-12 else mass / total)

    def _store(self, mass):
        columns = {
            "eigenvalues": checks.column("eigenvalues", self.eigenvalues, positive=True),
            "target_power": _target_power(self.target_power),
            "mass": mass,
        }
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"lengths differ, {lengths}: give one entry per mode in each.")
        for name, column in columns.items():
            column.flags.writeable = False
            object.__setattr__(self, name, column)

    @classmethod
    def isotropic(cls):
        r"""$\lambda = w^2 = 1$ on all D directions."""
        return cls([1.0], [1.0], [1.0])

    @classmethod
    def trace_class(cls, eigenvalues, target_power, counts=None):
        r"""Dimension-free spectrum: $\lambda_k$, $w_k^2$ and multiplicities (default 1), each [M]."""
        spectrum = cls.__new__(cls)
        object.__setattr__(spectrum, "eigenvalues", eigenvalues)
        object.__setattr__(spectrum, "target_power", target_power)
        object.__setattr__(spectrum, "dimension_free", True)
        if counts is None:
            counts = np.ones(len(checks.column("eigenvalues", eigenvalues, positive=True)))
        counts = checks.column("counts", counts, positive=True)
        if (counts != np.round(counts)).any():
            raise ValueError("counts must be whole numbers of modes: round them.")
        spectrum._store(counts)
        return spectrum

    @classmethod
    def power_law(cls, modes, decay, source):
        r"""$\lambda_k = k^{-a}$ and $\lambda_k w_k^2 \propto k^{-(ab+1)}$ summing to 1, k = 1..modes.

        `decay` is the capacity exponent a > 0, `source` the source exponent b > 0; the lazy
        network at infinite width and data then has loss $\sim t^{-b}$.

        However many the modes are, up to $2^{53}$, the spectrum is these three numbers, by which it is
        compared, and `solve` sums over its modes without making them. `eigenvalues`, `target_power` and
        `mass` are made when they are asked for, as those who train networks do, and refused
        (ValueError) if they do not fit the memory that is left.
        """
        return PowerLaw(modes, decay, source)

    @classmethod
    def from_data(cls, X, y):
        r"""Empirical second moment $X^T X / P$ and the least-squares target $y \approx X w$.

        X [P, D], y [P] or, for C outputs, [P, C]. A linear network without biases sees second moments, so nothing is
        centered here: subtract means first where that is wanted. Directions in which the data do
        not vary are left out, since no gradient ever points along them.
        """
        eigenvalues, target, _ = principal_modes(X, y)
        if target.ndim == 1:
            return cls.trace_class(eigenvalues, target**2)
        return cls.trace_class(eigenvalues, np.einsum("kc,kd->kcd", target, target))

    def __len__(self):
        return len(self.eigenvalues)

    @property
    def modes(self):
        """The number of input directions of a dimension-free spectrum, which is the sum of its counts."""
        return int(self.mass.sum())

    def target_covariance(self, outputs):
        """The target's covariance over `outputs` outputs in each mode, [M, C, C]."""
        if self.target_power.ndim == 1:
            size = 8 * len(self) * outputs**2
            checks.memory(f"the targets of {outputs} outputs", size, "use fewer outputs")
            return self.target_power[:, None, None] * np.eye(outputs)
        if self.target_power.shape[1] != outputs:
            raise ValueError(
                f"target_power is for {self.target_power.shape[1]} outputs, the network has {outputs}: "
                "give outputs the same number, or target_power one number per mode."
            )
        return self.target_power

    def target_size(self, outputs=1):
        r"""$|\beta^*_c|^2$ of each output, [C]."""
        return np.einsum("k,kcc->c", self.mass, self.target_covariance(outputs))

    def rule(self, outputs):
        """All modes, or points that are as good, see `lib.problem.quadrature`."""
        power = self.mass[:, None, None] * self.target_covariance(outputs)
        return quadrature.listed(self.eigenvalues, self.mass, power)


def principal_modes(X, y):
    r"""The modes of $X^T X / P$, largest first, and least squares of y on them.

    Parameters
    ----------
    X : [P, D]
    y : [P] or [P, C]

    Returns
    -------
    eigenvalues : [M]
        M is the number of directions in which the data vary.
    target : [M] or [M, C]
        w_k, such that $y \approx \sum_k w_k\, x \cdot e_k$.
    directions : [M, D]
        Unit vectors e_k.
    """
    shape = "X [P, D] and y [P] or [P, C]"
    X, y = checks.numbers("X", X, shape), checks.numbers("y", y, shape)
    if X.ndim != 2 or y.ndim not in (1, 2) or len(X) != len(y) or X.size == 0 or y.size == 0:
        raise ValueError(
            f"X has shape {X.shape} and y {y.shape}: give {shape} with the same P >= 1."
        )
    if not (np.isfinite(X).all() and np.isfinite(y).all()):
        raise ValueError("X or y has NaN or infinite entries: remove those samples.")
    _, singular, directions = np.linalg.svd(X / np.sqrt(len(X)), full_matrices=False)
    kept = singular > 1e-10 * singular.max(initial=0)
    if not kept.any():
        raise ValueError("X is zero: give samples that vary.")
    eigenvalues, directions = singular[kept] ** 2, directions[kept]
    target = ((directions @ (X.T @ y) / len(X)).T / eigenvalues).T
    return eigenvalues, target, directions


class PowerLaw(Spectrum):
    """`Spectrum.power_law`: its modes are known by their formula, and made when they are asked for."""

    def __init__(self, modes, decay, source):
        modes = checks.integer("modes", modes)
        if modes > MOST_MODES:
            raise ValueError(f"modes is {modes}: give at most 2**53, so that each can be counted.")
        decay = checks.number("decay", decay, positive=True)
        source = checks.number("source", source, positive=True)
        values = {"_modes": modes, "decay": decay, "source": source, "dimension_free": True}
        values["_total"] = power_law.sum_of_powers(modes, decay * source + 1)
        for name, value in values.items():
            object.__setattr__(self, name, value)
        with np.errstate(over="ignore", under="ignore"):
            last = np.float64(modes)
            checks.number(f"eigenvalues[{modes - 1}]", last**-decay, positive=True)
            checks.number(f"target_power[{modes - 1}]", self._target_power(last))

    def _target_power(self, k):
        return k ** (self.decay - self.decay * self.source - 1) / self._total

    @cached_property
    def _numbers(self):
        what = f"{self.modes} modes of a power law one by one"
        checks.memory(what, 8 * 8 * self.modes, "use fewer modes")
        return np.arange(1.0, self.modes + 1)

    @cached_property
    def eigenvalues(self):
        return _constant(self._numbers**-self.decay)

    @cached_property
    def target_power(self):
        return _constant(self._target_power(self._numbers))

    @cached_property
    def mass(self):
        return _constant(np.ones_like(self._numbers))

    def __len__(self):
        return self._modes

    @property
    def modes(self):
        return self._modes

    def target_size(self, outputs=1):
        exponent = self.decay * self.source + 1 - self.decay
        return np.full(outputs, power_law.sum_of_powers(self.modes, exponent) / self._total)

    def rule(self, outputs):
        if self.modes <= quadrature.EXACT_MODES:
            return super().rule(outputs)
        k, weights = power_law.whole_numbers(1, self.modes, power_law.ENOUGH)
        power = (weights * self._target_power(k))[:, None, None] * np.eye(outputs)
        return quadrature.Rule(k**-self.decay, weights, power)

    def _values(self):
        return [self.modes, self.decay, self.source]

    def __repr__(self):
        return f"Spectrum.power_law(modes={self.modes}, decay={self.decay}, source={self.source})"

    def __reduce__(self):
        return PowerLaw, tuple(self._values())


def _constant(array):
    array.flags.writeable = False
    return array


def _nested(value):
    """Whether entries of `value` are lists or arrays, asked of one entry of each type."""
    if isinstance(value, np.ndarray):
        return value.ndim > 1 or (value.dtype == object and any(map(checks.listed, value)))
    return any(map(checks.listed, {type(entry): entry for entry in value}.values()))


def _target_power(value):
    """Checked `value`: numbers >= 0 [M], or covariances over outputs [M, C, C]."""
    value = checks.plain(value)
    shape = "one number per mode, [M], or one covariance over outputs per mode, [M, C, C]"
    if not checks.listed(value) or not _nested(value):
        return checks.column("target_power", value)
    covariance = checks.numbers("target_power", value, shape)
    if covariance.ndim != 3 or covariance.shape[1] != covariance.shape[2] or covariance.size == 0:
        raise ValueError(f"target_power has shape {covariance.shape}: give {shape}.")
    if not np.isfinite(covariance).all():
        raise ValueError("target_power has NaN or infinite entries: give finite numbers.")
    scale = np.abs(covariance).max(axis=(1, 2), keepdims=True)
    if (np.abs(covariance - covariance.swapaxes(1, 2)) > 1e-12 * scale).any():
        raise ValueError("target_power has a matrix that is not symmetric: give covariances.")
    if (np.linalg.eigvalsh(covariance) < -1e-12 * scale[:, 0]).any():
        raise ValueError("target_power has a matrix with a negative eigenvalue: give covariances.")
    return covariance
