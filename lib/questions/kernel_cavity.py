r"""A probe in the tangent kernel: how the past of training, put in on one side, comes back on the other.

With $x^{l+1} = s_l x^l + w_l M_l x^l$, $y^l = c_l x^l + s_l y^{l+1} + w_l M_l^\top y^{l+1}$, $y^L = c_L x^L$ and $\lambda x^0 = y^0$, a past that the
matrices remember enters as $a_l(s)$ along $g^{l+1}(s)$ in $M_l x^l$ and as $b_l(s)$ along $h^l(s)$ in $M_l^\top y^{l+1}$, and is met
again as $\alpha^l(s) = x^l \cdot h^l(s)/N_l$ and $\beta^l(s) = y^{l+1} \cdot g^{l+1}(s)/N_l$. By the cavity rule (equation
{eq}`spikes-kernel-system` of the book) the probe is at every site a sum of sources, $X_i = \sum_k P_{ik} S_k$, where i and
k run over $x^0, y^0, x^1, ..$ and

$$ S_{x^{l+1}} = w_l \big[ \xi_x + (r^l + a_l) \cdot g^{l+1} \big], \qquad
   S_{y^l} = w_l \big[ \zeta_y + (\rho_l q^{l+1} + b_l) \cdot h^l \big] , $$

with $r^l = dx^l/d\zeta^l$, $q^{l+1} = dy^{l+1}/d\xi^l$ and noises whose correlation with the $\xi^l$, $\zeta^l$ of the past is $\alpha^l$, $\beta^l$.
All are linear in each other: responses r and q first, then the overlaps. For the kernel of repeated
data the matrix of the samples is one more at the input end, which remembers nothing.
"""

import numpy as np

from lib.questions.kernel_bulk import KernelBulk
from lib.questions.kernel_sites import sites

NEGLIGIBLE = 1e-14
"""Directions in which S is smaller than this, relative to its largest eigenvalue, are left out."""


class Cavity:
    """The kernel at time t.

    Parameters
    ----------
    trained : TrainedNetwork
        One output: the one whose past is looked at.
    t : int
    of : "weights" or "samples"
    output : TrainedNetwork or None
        The output whose kernel it is, if another one (of the same network).
    """

    def __init__(self, trained, t, of, output=None):
        self.trained, self.t, self.samples = trained, t, of == "samples"
        self.matrices = trained.layers
        L = len(self.matrices)
        first = 1 if self.samples else 0
        alpha = [trained.run.data.samples] * first
        c, self.gain, rho = kernel_weights(output or trained, t)
        self.sizes = np.array([trained.inputs, *trained.run.network.widths])[:-1]
        self.gain, self.rho = np.array([1.0] * first + self.gain), [1 / a for a in alpha] + rho
        self.c = [0.0] * first + c
        self.stream = [False] * (1 + first) + [trained.stream] * (L - 1)
        self.bulk = KernelBulk(self.c, self.rho, self.gain, self.stream)
        # Matrix m has layer m below it: its ends are x^m and y^(m+1), and what it does there enters
        # x^(m+1) and y^m. Numbers as in `kernel_sites`.
        matrices = np.arange(len(self.rho))
        self.ends = np.stack([2 * matrices, 2 * matrices + 3], axis=1).ravel()
        self.entries = np.stack([2 * matrices + 2, 2 * matrices + 1], axis=1).ravel()
        # How r and q, and how overlaps, are counted: by the sites below; 1/alpha for the samples.
        ones = np.ones(len(matrices))
        self.count_response = np.stack([ones, self.rho], axis=1).ravel()
        self.count_overlap = self.count_response.copy()
        if self.samples:
            self.count_overlap[:2] = self.rho[0], 1.0
        if t > 0:
            past = sites(trained, t, self.samples)
            ends, entries = self.ends, self.entries
            self.kicked = past.response[np.ix_(entries ^ 1, ends ^ 1)].transpose(1, 0, 3, 2)
            self.noise = past.response[np.ix_(ends, entries)]
            self.fields = past.cov[np.ix_(ends, entries ^ 1)]

    def signs_and_eigenvalues(self, parameter):
        """The signs J of S, and the eigenvalues of $J - U^T K U$ with $S = U J U^T$, ascending."""
        S = self.response(parameter)
        values, axes = np.linalg.eigh(S)
        kept = np.abs(values) > NEGLIGIBLE * np.abs(values).max(initial=0)
        values, U = values[kept], axes[:, kept] * np.sqrt(np.abs(values[kept]))
        signs = np.sign(values)
        halves = U.reshape(len(self.matrices), 2, self.t, -1)
        coupled = np.zeros((U.shape[1],) * 2)
        for matrix, (alpha, beta) in zip(self.matrices, halves, strict=True):
            half = alpha.T @ (matrix.k[self.t, : self.t, None] * beta)
            coupled += half + half.T
        return signs, np.linalg.eigvalsh(np.diag(signs) - coupled)

    def response(self, parameter):
        r"""S, symmetric: from $\sqrt{w_l N_l}\,(b_l, a_l)$ to $\sqrt{w_l N_l}\,(\alpha^l, \beta^l)$, matrix by matrix."""
        scalars = self._probe(parameter)[np.ix_(self.ends, self.entries)]
        kicks = self.count_response[:, None] * scalars
        meets = self.count_overlap[:, None] * scalars
        size = len(scalars) * self.t

        def flat(numbers, blocks):
            return (numbers[:, :, None, None] * blocks).swapaxes(1, 2).reshape(size, size)

        one = np.eye(size)
        # Entries are ordered x, y for each matrix, sources b_l (into y^l), a_l.
        given = one.reshape(size, -1, 2, self.t)[:, :, ::-1].reshape(size, size)
        kept = slice(size - 2 * len(self.matrices) * self.t, None)
        along = np.linalg.solve(one - flat(kicks, self.kicked), given[:, kept])
        S = np.linalg.solve(one - flat(meets, self.noise), flat(meets, self.fields) @ along)
        gain = self.gain[-len(self.sizes) :]
        # Branches of no strength are not trained either.
        root = np.repeat(np.sqrt(self.sizes * np.where(gain > 0, gain, 1)), 2 * self.t)
        S = S[kept] * root[:, None] / root
        self.asymmetry = np.abs(S - S.T).max(initial=0)
        return (S + S.T) / 2

    def _probe(self, parameter):
        """P, from what enters inside the brackets to x^0, y^0, x^1, ..; see the module."""
        eigenvalue, G, T = self.bulk.chain(parameter)
        layers = len(self.c)
        loop = np.zeros((2 * layers, 2 * layers))
        loop[0, 1] = 1 / eigenvalue
        weight = np.zeros(2 * layers)
        for l, w in enumerate(self.gain):
            x, y = 2 * l, 2 * l + 1
            loop[x + 2, y + 2] = w**2 * G[l]
            loop[y, x] = self.c[l] + w**2 * self.rho[l] * T[l + 1]
            weight[[x + 2, y]] = w
            if self.stream[l]:
                loop[x + 2, x] = loop[y, y + 2] = 1.0
        loop[-1, -2] = self.c[-1]
        return np.linalg.inv(np.eye(2 * layers) - loop) * weight


def kernel_weights(trained, t):
    r"""c_0 .. c_L of the kernel of an output, w_0 .. w_{L-1}, and rho_0 .. rho_{L-1}, as lists.

    $c_l = r_l \omega_l^2 \rho_l C_g^{l+1}(t,t)/\nu_L$ with $\omega_l$ the factor of W^l in the forward pass, w_l that of its
    random part.
    """
    run = trained.run
    rates = run.training.rate_factors(run.network)
    last = run.network.widths[-1]
    c = [
        rate * factor**2 * matrix.rho * matrix.C_g[t, t] / last
        for rate, factor, matrix in zip(rates[:-1], trained.factors, trained.layers, strict=True)
    ]
    gain = [
        factor * matrix.scale[t]
        for factor, matrix in zip(trained.factors, trained.layers, strict=True)
    ]
    return [*c, rates[-1] / last], gain, [matrix.rho for matrix in trained.layers]
