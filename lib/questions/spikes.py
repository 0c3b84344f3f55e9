r"""Singular values that training pulls out of the bulk of one random matrix.

Outside the bulk, at $z = z(w)$ (equation {eq}`spikes-green` of the book), the Green functions of the random part are

$$ z^2 = \Big(1 + \frac{w}{\sqrt\rho}\Big) (1 + w \sqrt\rho) \frac{\sqrt\rho}{w}, \qquad
   G_x = \frac{1 + \sqrt\rho\, w}{z}, \qquad G_y = \frac{1 + w/\sqrt\rho}{z}, $$

with w in (0, 1) above the bulk and in $(-1, -\min(\sqrt\rho, 1/\sqrt\rho))$ below it. An outlier is a z where

$$ \det\big(1 - S\, \mathcal K\big) = 0, \qquad
   S = (1-N)^{-1} \begin{pmatrix} G_x C_h & 0 \\ 0 & \rho G_y C_g \end{pmatrix} (1-N)^{-\top}, \quad
   N = \begin{pmatrix} 0 & G_x R_h \\ \rho G_y R_g & 0 \end{pmatrix}, \quad
   \mathcal K = \begin{pmatrix} 0 & k \\ k & 0 \end{pmatrix} $$

(equation {eq}`spikes-condition`). With $S = U J U^\top$, J of signs, this is a zero eigenvalue of the small
symmetric matrix $J - U^\top \mathcal K U$. S decreases with z in every gap of the spectrum, so that the number of
negative eigenvalues only ever changes in one direction: each sorted eigenvalue crosses zero at most
once, and no root can be missed.
"""

import numpy as np

NEGLIGIBLE = 1e-15
"""Directions in time with less of a correlation (relative to the largest) are left out."""

FARTHEST = -200.0
"""log w, of a z of 1e43, beyond which no outlier is looked for."""

PRECISION = {"xtol": 1e-15, "rtol": 1e-14, "maxiter": 500}


def thin_factor(C):
    """r [n, rank] with $C = r r^\\top$, up to rounding errors relative to the largest eigenvalue."""
    values, vectors = np.linalg.eigh(C)
    kept = values > NEGLIGIBLE * values[-1]
    return vectors[:, kept] * np.sqrt(values[kept])


def green(w, rho):
    """(z, G_x, G_y) at the parameter w."""
    root = np.sqrt(rho)
    z = np.sqrt((1 + w / root) * (1 + w * root) * root / w)
    return z, (1 + root * w) / z, (1 + w / root) / z


class Spikes:
    """The outliers of one matrix, at any step of its run.

    Parameters
    ----------
    matrix : MatrixPast
    outputs : int
        Rows that belong to one step.
    """

    def __init__(self, matrix, outputs):
        self.matrix, self.outputs = matrix, outputs
        self.loop = matrix.R_h @ matrix.R_g
        self.factors = {}

    @property
    def edges(self):
        """Lower and upper edge of the bulk of the random part, without its scale s(t)."""
        root = np.sqrt(self.matrix.rho)
        return abs(1 - root), 1 + root

    def gain(self, t):
        """Largest gain at the upper edge: an outlier where it exceeds one."""
        if not self._moved(t):
            return 0.0
        return max(0.0, self._gains(t, 1.0)[-1])

    def above(self, t):
        """Parameters w of the outliers above the bulk of W(t), without its scale, largest z first."""
        if not self._moved(t):
            return []
        from scipy.optimize import brentq  # slow to import

        found = []
        for j in range(1, 1 + int(np.sum(self._gains(t, 1.0) > 1))):

            def excess(log_w, j=j):
                return self._gains(t, np.exp(log_w))[-j] - 1

            farther = -1.0
            while farther > FARTHEST and excess(farther) > 0:
                farther *= 2
            found.append(np.exp(brentq(excess, farther, 0.0, **PRECISION)))
        return found

    def below(self, t):
        """Parameters w of the outliers below the bulk, smallest z first."""
        root = np.sqrt(self.matrix.rho)
        if not self._moved(t) or root == 1:
            return []
        nearest = min(root, 1 / root)
        ends = -nearest - (1 - nearest) * np.array([1e-12, 1.0])
        negative = [int(np.sum(self._eigenvalues(t, w) < 0)) for w in ends]
        from scipy.optimize import brentq  # slow to import

        found = []
        for j in range(negative[1], negative[0]):

            def crossing(w, j=j):
                return self._eigenvalues(t, w)[j]

            found.append(brentq(crossing, *ends, **PRECISION))
        return sorted(found, reverse=True)

    def frame(self, t, w):
        """U [2 n, rank] as its halves A and B, and the signs J [rank], for W(t)."""
        _, G_x, G_y = green(w, self.matrix.rho)
        G_y = self.matrix.rho * G_y
        n = t * self.outputs
        upto = (slice(0, n), slice(0, n))
        if (
            n not in self.factors
        ):  # of the past alone: what comes later may be far larger or smaller
            self.factors[n] = [thin_factor(C[upto]) for C in (self.matrix.C_h, self.matrix.C_g)]
        r_h, r_g = self.factors[n]
        h, g = np.sqrt(abs(G_x)) * r_h, np.sqrt(abs(G_y)) * r_g
        A = self._resolve(n, w, np.hstack([h, G_x * self.matrix.R_h[upto] @ g]))
        B = G_y * self.matrix.R_g[upto] @ A
        B[:, h.shape[1] :] += g
        signs = np.repeat([np.sign(G_x), np.sign(G_y)], [h.shape[1], g.shape[1]])
        return A, B, signs

    def vectors(self, t, w, which):
        r"""Overlaps of the singular vectors x and y of an outlier, sorted eigenvalue `which` of the frame.

        Returns
        -------
        alpha, beta : [all rows]
            $x \cdot h(s)/N_l$ and $y \cdot g(s)/N_l$ at all steps of the run, before and after t.
        weight : [n]
            c of $x = G_x (\zeta_y + \sum_s c_s h(s))$, times $G_x$.
        size : float
            $|x|^2/N_l = \rho |y|^2/N_{l+1}$.
        """
        matrix, rho = self.matrix, self.matrix.rho
        n = t * self.outputs
        past = slice(0, n)
        k = matrix.k[t, :n]
        _, G_x, G_y = green(w, rho)
        A, B, signs = self.frame(t, w)
        _, axes = np.linalg.eigh(np.diag(signs) - self._coupling(A, B, k))
        alpha, beta = A @ axes[:, which], B @ axes[:, which]
        R_h, R_g = matrix.R_h[past, past], matrix.R_g[past, past]
        c = self._resolve(n, w, k * beta + rho * G_y * R_g.T @ (k * alpha), transposed=True)
        d = k * alpha + G_x * R_h.T @ c
        drive = rho * G_y * matrix.C_g[:, past] @ d
        everywhere = self._resolve(
            len(drive), w, G_x * (matrix.R_h @ drive + matrix.C_h[:, past] @ c)
        )
        size = G_x**2 * (2 * c @ R_h @ beta + c @ matrix.C_h[past, past] @ c)
        size *= (np.sqrt(rho) + w) / (np.sqrt(rho) * (1 - w**2))
        return everywhere, drive + rho * G_y * matrix.R_g @ everywhere, G_x * c, size

    def _resolve(self, n, w, right, transposed=False):
        """(1 - sqrt(rho) w R_h R_g)^-1 `right` for the first n rows."""
        from scipy.linalg import solve_triangular  # slow to import

        loop = -np.sqrt(self.matrix.rho) * w * self.loop[:n, :n]
        return solve_triangular(
            loop,
            right,
            trans=int(transposed),
            lower=True,
            unit_diagonal=True,
            check_finite=False,
        )

    def _moved(self, t):
        return bool(self.matrix.k[t].any())

    def _coupling(self, A, B, k):
        half = A.T @ (k[:, None] * B)
        return half + half.T

    def _gains(self, t, w):
        """Eigenvalues of U^T K U, ascending; U is real above the bulk."""
        A, B, _ = self.frame(t, w)
        return np.linalg.eigvalsh(self._coupling(A, B, self.matrix.k[t, : len(A)]))

    def _eigenvalues(self, t, w):
        """Eigenvalues of J - U^T K U, ascending."""
        A, B, signs = self.frame(t, w)
        return np.linalg.eigvalsh(np.diag(signs) - self._coupling(A, B, self.matrix.k[t, : len(A)]))
