r"""The bulk of the spectrum of a sum of products of independent random matrices.

For $T_L = c_L$, $T_l = c_l + M_l^\top T_{l+1} M_l$ with $M_l$ an $N_{l+1} \times N_l$ matrix of independent entries
of variance $1/N_l$ and $\rho_l = N_{l+1}/N_l$, the Stieltjes transforms $g_l = G_l(\lambda_l)$, each taken where the
next outer one asks for it, $\lambda_{l} = 1/g_{l-1}$, obey (equation {eq}`spikes-kernel-bulk` of the book)

$$ \lambda_L = c_L + \frac{1}{g_L}, \qquad
   \lambda_l = c_l + \frac{1}{g_l} \Big( 1 - \rho_l + \rho_l \frac{g_{l+1}}{g_l} \Big) . $$

Given $g_L$, all others follow one by one: $\lambda_0$ is a rational function of one parameter, falling from
infinity at 0 to the edge of the bulk, where its derivative vanishes.
"""

import numpy as np
from scipy.optimize import brentq

TINY = 1e-12
"""The parameter, relative to 1/c_L, at which lambda is called infinite."""


class KernelBulk:
    """The bulk of $T_0$, by one parameter in (0, 1): from infinity to the edge.

    Parameters
    ----------
    c : [L + 1]
        All positive but the first, which may be 0.
    rho : [L]
    """

    def __init__(self, c, rho):
        self.c, self.rho = np.asarray(c, float), np.asarray(rho, float)
        unit = 1 / self.c[-1]
        low = high = TINY * unit
        while self._falls(high):
            low, high = high, 2 * high
        for _ in range(200):
            middle = (low + high) / 2
            if middle in (low, high):
                break
            low, high = (middle, high) if self._falls(middle) else (low, middle)
        self.last = low

    @property
    def edge(self):
        return self.chain(1.0)[0]

    def chain(self, parameter):
        """lambda_0, and the transforms g_0 .. g_L, at a parameter in (0, 1]."""
        values, transforms, _ = self._follow(parameter * self.last)
        return values[0], transforms

    def parameter(self, eigenvalue):
        """The parameter at an `eigenvalue` outside the bulk."""

        def distance(log_parameter):
            return np.log(self.chain(np.exp(log_parameter))[0] / eigenvalue)

        farthest = -1.0
        while distance(farthest) < 0:
            farthest *= 2
        return float(np.exp(brentq(distance, farthest, 0.0, xtol=1e-15, rtol=1e-14)))

    def _falls(self, g):
        """Whether all lambdas are still positive and fall with the parameter."""
        values, _, slopes = self._follow(g)
        return bool((values > 0).all() and (slopes < 0).all())

    def _follow(self, g):
        """lambda_l, g_l and d lambda_l / d g_L for l = 0 .. L."""
        L = len(self.rho)
        values, transforms, slopes = np.zeros((3, L + 1))
        above, above_slope = 0.0, 0.0
        here, here_slope = g, 1.0
        for l in range(L, -1, -1):
            transforms[l] = here
            if l == L:
                inner, inner_slope = 1.0, 0.0
            else:
                share = above / here
                inner = 1 - self.rho[l] + self.rho[l] * share
                inner_slope = self.rho[l] * (above_slope / here - share * here_slope / here)
            values[l] = self.c[l] + inner / here
            slopes[l] = inner_slope / here - inner * here_slope / here**2
            above, above_slope = here, here_slope
            here = 1 / values[l] if values[l] > 0 else np.inf
            here_slope = -slopes[l] * here**2
            if not np.isfinite(here):
                break
        return values, transforms, slopes
