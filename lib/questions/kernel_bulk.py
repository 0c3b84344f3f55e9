r"""The bulk of the spectrum of a kernel that independent random matrices make one after the other.

A probe runs up through $x^{l+1} = s_l x^l + w_l M_l x^l$ and down through $y^l = c_l x^l + s_l y^{l+1} + w_l M_l^\top y^{l+1}$,
$y^L = c_L x^L$, with $M_l$ an $N_{l+1} \times N_l$ matrix of independent entries of variance $1/N_l$, $\rho_l = N_{l+1}/N_l$,
and $s_l = 1$ on a residual stream, else 0: $y^0 = T x^0$. Seen from below, layers l and above answer x^l with
$y^l = A_l x^l$; seen from above, those below it answer y^l with $x^l = m_l y^l$; together, $G_l = m_l/(1 - m_l A_l)$ is
the trace per site of the response of x^l to a source in y^l. By the cavity rule (equations
{eq}`spikes-kernel-bulk` and {eq}`spikes-kernel-stream` of the book), with $T_l = A_l (1 + A_l G_l)$ that of y^l to a source in x^l,

$$ \begin{aligned}
   s_l = 0: \quad & m_{l+1} = w_l^2 G_l, & A_l &= c_l + w_l^2 \rho_l T_{l+1}, \\
   s_l = 1: \quad & (m_{l+1} - w_l^2 G_l) (1 - w_l^2 G_l A_{l+1}) = G_l (1 - A_{l+1} m_{l+1}), &
   A_l &= c_l + w_l^2 T_{l+1} + \frac{A_{l+1}}{1 - w_l^2 G_l A_{l+1}},
   \end{aligned} $$

$A_L = c_L$ and $\lambda = 1/m_0$. Given $G_L$, all others follow one by one: $\lambda$ is an algebraic function of one
parameter, falling from infinity at 0 to the edge of the bulk, where its derivative vanishes.
"""

import numpy as np

TINY = 1e-12
"""The parameter, relative to 1/c_L, at which lambda is called infinite."""

GROWTH = 1.3
"""Factor between the parameters at which the edge is looked for."""

STEP = 1e-100
"""Imaginary part of the parameter; the imaginary part of a result over it is the derivative."""


class KernelBulk:
    """The bulk of T, by one parameter in (0, 1): from infinity to the edge.

    Parameters
    ----------
    c : [L + 1]
        All positive but the first, which may be 0.
    rho : [L]
    gain : [L] or None
        w; one if left out.
    stream : [L] of bool or None
        s; no streams if left out.
    """

    def __init__(self, c, rho, gain=None, stream=None):
        self.c, self.rho = np.asarray(c, float), np.asarray(rho, float)
        self.squared = np.ones(len(self.rho)) if gain is None else np.square(gain)
        self.stream = np.zeros(len(self.rho), bool) if stream is None else np.asarray(stream)
        low = high = TINY / self.c[-1]
        while self._falls(high):
            low, high = high, GROWTH * high
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
        """lambda, G_0 .. G_L and T_0 .. T_L at a parameter in (0, 1]."""
        eigenvalue, G, T, _ = self._follow(parameter * self.last)
        return eigenvalue.real, G.real, T.real

    def parameter(self, eigenvalue):
        """The parameter at an `eigenvalue` outside the bulk."""
        from scipy.optimize import brentq  # slow to import

        def distance(log_parameter):
            return np.log(self.chain(np.exp(log_parameter))[0] / eigenvalue)

        farthest = -1.0
        while distance(farthest) < 0:
            farthest *= 2
        return float(np.exp(brentq(distance, farthest, 0.0, xtol=1e-15, rtol=1e-14)))

    def _falls(self, g):
        """Whether lambda is positive and falls with the parameter, and all G_l are and grow.

        Outside the bulk they do: each is an average of 1/(lambda - eigenvalue) with positive weights.
        """
        eigenvalue, G, _, real = self._follow(g + 1j * STEP)
        return bool(
            real
            and eigenvalue.real > 0 > eigenvalue.imag
            and (G.real > 0).all()
            and (G.imag > 0).all()
        )

    def _follow(self, g):
        """lambda, G_l, T_l, and whether every root that was taken was one of a positive number."""
        L = len(self.rho)
        G, T = np.zeros((2, L + 1), complex)
        A, real = self.c[-1] + 0j, True
        G[L], T[L] = g, A * (1 + A * g)
        inverse = 1 / G[L] + A  # 1/m
        for l in range(L - 1, -1, -1):
            m, w2, above = 1 / inverse, self.squared[l], T[l + 1]
            if self.stream[l]:
                B = 1 - A * m + w2 * (1 + A * m)
                under_root = B**2 - 4 * w2**2 * A * m
                G[l] = 2 * m / (B + np.sqrt(under_root))
                passed = 1 - w2 * G[l] * A
                real = real and under_root.real > 0 and passed.real > 0
                A = self.c[l] + w2 * above + A / passed
            else:
                G[l] = m / w2
                A = self.c[l] + w2 * self.rho[l] * above
            T[l] = A * (1 + A * G[l])
            inverse = 1 / G[l] + A
        return inverse, G, T, real
