"""Given inputs and labels, as modes: what the theory needs of them, and what networks train on."""

from dataclasses import dataclass, field

import numpy as np

from lib.problem.data import Data
from lib.problem.spectrum import Spectrum, principal_modes


@dataclass(frozen=True, eq=False)
class Dataset:
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
    y : [n]
        Labels, one number each.

    Attributes
    ----------
    spectrum : Spectrum
        Dimension-free, `Spectrum.from_data(X, y)`.
    noise : float
        sigma, the root mean square of what no linear function of the inputs explains.
    coefficients : [n, M]
        z, for the M directions in which the inputs vary, signed such that $w_k \ge 0$.
    residuals : [n]
        r.

    Raises
    ------
    ValueError
        If shapes do not fit or entries are not finite.
    """

    X: np.ndarray
    y: np.ndarray
    spectrum: Spectrum = field(init=False)
    noise: float = field(init=False)
    coefficients: np.ndarray = field(init=False)
    residuals: np.ndarray = field(init=False)

    def __post_init__(self):
        eigenvalues, target, directions = principal_modes(self.X, self.y)
        if target.ndim > 1:
            raise ValueError(f"y has shape {np.shape(self.y)}: give one label per sample, [n].")
        X, y = np.array(self.X, float), np.array(self.y, float)
        coefficients = X @ directions.T * np.where(target < 0, -1, 1)
        residuals = y - coefficients @ np.abs(target)
        values = {"X": X, "y": y, "coefficients": coefficients, "residuals": residuals}
        for name, value in values.items():
            value.flags.writeable = False
            object.__setattr__(self, name, value)
        object.__setattr__(self, "spectrum", Spectrum.trace_class(eigenvalues, target**2))
        object.__setattr__(self, "noise", float(np.sqrt(np.mean(residuals**2))))

    def __len__(self):
        return len(self.y)

    def data(self, samples=None, batch=None):
        """The `Data` of this population: P training samples, or batches of B, or all of it."""
        return Data(samples=samples, batch=batch, noise=self.noise, spectrum=self.spectrum)
