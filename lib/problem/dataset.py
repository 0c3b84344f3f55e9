"""Given inputs and labels, as modes: what the theory needs of them, and what networks train on."""

from dataclasses import dataclass, field

import numpy as np

from lib import checks
from lib.problem.data import Data
from lib.problem.equal_by_value import ByValue
from lib.problem.spectrum import Spectrum, principal_modes


@dataclass(frozen=True, eq=False)
class Dataset(ByValue):
    r"""n given samples, taken as the whole population from which training sets are drawn.

    In the basis of the principal directions $e_k$ of $X^\top X/n$, sample $\mu$ has the coefficients
    $z_{\mu k} = x_\mu \cdot e_k$, and its label is (equation {eq}`real-data-split` of the book)

    $$ y_\mu = \sum_k w_k z_{\mu k} + r_\mu, \qquad \frac1n \sum_\mu z_{\mu k} r_\mu = 0, \qquad
       \sigma^2 = \frac1n \sum_\mu r_\mu^2 . $$

    The theory is told $\lambda_k = \frac1n \sum_\mu z_{\mu k}^2$, $w_k^2$ and $\sigma$; networks are trained on
    the samples themselves.

    Parameters
    ----------
    X : [n, D]
        Inputs. Networks have no biases: subtract means first where that is wanted.
    y : [n] or [n, C]
        Labels: one number each, or one for each of C outputs.

    Attributes
    ----------
    spectrum : Spectrum
        Dimension-free, `Spectrum.from_data(X, y)`.
    noise : float
        $\sigma$, the root mean square of what no linear function of the inputs explains (over outputs
        too: the theory takes the residuals of different outputs as independent and equally large).
    coefficients : [n, M]
        z, for the M directions in which the inputs vary; with one output signed such that $w_k \ge 0$.
    target : [M, C]
        $w_k$.
    residuals : [n] or [n, C]
        r.

    Raises
    ------
    ValueError
        If shapes do not fit or entries are not finite.
    """

    X: np.ndarray
    y: np.ndarray
    spectrum: Spectrum = field(init=False, compare=False)
    noise: float = field(init=False, compare=False)
    coefficients: np.ndarray = field(init=False, compare=False, repr=False)
    target: np.ndarray = field(init=False, compare=False, repr=False)
    residuals: np.ndarray = field(init=False, compare=False, repr=False)

    def __post_init__(self):
        eigenvalues, target, directions = principal_modes(self.X, self.y)
        X, y = np.array(checks.plain(self.X), float), np.array(checks.plain(self.y), float)
        if target.ndim == 1:
            directions = directions * np.where(target < 0, -1, 1)[:, None]
            power, target = target**2, np.abs(target)[:, None]
        else:
            power = np.einsum("kc,kd->kcd", target, target)
        coefficients = X @ directions.T
        residuals = y - (coefficients @ target).reshape(y.shape)
        values = {"X": X, "y": y, "coefficients": coefficients}
        values |= {"target": target, "residuals": residuals}
        for name, value in values.items():
            value.flags.writeable = False
            object.__setattr__(self, name, value)
        object.__setattr__(self, "spectrum", Spectrum.trace_class(eigenvalues, power))
        object.__setattr__(self, "noise", float(np.sqrt(np.mean(residuals**2))))

    def __len__(self):
        return len(self.y)

    def describes(self, data):
        """Whether `data` is of this population, made here or from an equal dataset elsewhere."""
        own, other = self.spectrum, data.spectrum
        if len(own) != len(other):
            return False
        pairs = [(own.eigenvalues, other.eigenvalues), (own.target_power, other.target_power)]
        pairs.append((np.array(self.noise), np.array(data.noise)))
        return own.dimension_free == other.dimension_free and all(
            one.shape == two.shape and np.allclose(one, two, 1e-8, 1e-10 * np.abs(one).max())
            for one, two in pairs
        )

    def data(self, samples=None, batch=None):
        """The `Data` of this population: P training samples, or batches of B, or all of it."""
        return Data(samples=samples, batch=batch, noise=self.noise, spectrum=self.spectrum)
