r"""The theory once more, by the shortest way: full matrices, plain inverses, one linear system per site.

Shares no code with `lib`. Fields at one site obey linear equations A y = s with Gaussian sources s:
correlations are $A^{-1}\,\mathrm{Cov}(s)\,A^{-\top}$, responses are blocks of $A^{-1}$. A plain layer has
y = (h, g); all layers of a residual stream share their sites and are one system; so are v and u of an
input mode. Sweep n over the first n steps makes row n - 1 exact, because nothing depends on what comes
later; one more sweep over all rows must change nothing.
"""

import math

import numpy as np


def optimizer(training):
    """K and d by sending one unit gradient at a time through the recursion of torch.optim.SGD."""
    T, mu = training.steps, training.momentum
    rates = np.broadcast_to(training.learning_rate, T)
    K, d = np.zeros((T + 1, T + 1)), np.ones(T + 1)
    for t in range(T):
        d[t + 1] = d[t] * (1 - rates[t] * training.weight_decay)
    for s in range(T):
        moved = buffer = 0.0
        for t in range(s, T):
            gradient = float(t == s)
            buffer = mu * buffer + gradient
            step = gradient + mu * buffer if training.nesterov else buffer
            moved = (1 - rates[t] * training.weight_decay) * moved + rates[t] * step
            K[t + 1, s] = moved
    return K, d


def per_matrix(values, depth):
    return np.ones(depth + 1) * (1.0 if values is None else np.asarray(values, float))


class Theory:
    """Fields of the first n steps; `sweep` renews all of them. Rows are (step, output)."""

    def __init__(self, network, data, training):
        self.network, self.data, self.C = network, data, network.outputs
        self.L, self.gamma = network.depth, network.richness
        nu = np.ones(self.L) * np.asarray(network.width, float)
        self.nu = [1.0, *nu]
        self.V = 0.0 if math.isinf(nu[-1]) else -1 / (self.gamma * nu[-1])
        self.sigma2 = per_matrix(network.init_scale, self.L) ** 2
        self.rates = per_matrix(training.layer_rates, self.L)
        self.K, self.d = optimizer(training)
        residual = network.branch_scale is not None
        self.beta = network.branch_scale / math.sqrt(self.L) if residual else None
        self.n = 0
        self.C_h, self.R_h, self.C_g, self.R_g = ([self.empty(0)] * (self.L + 2) for _ in range(4))
        self.C_v = self.R_vu = self.empty(0)

    def empty(self, n):
        return np.zeros((n * self.C, n * self.C))

    def run(self):
        """Excess and training loss at every step."""
        steps = len(self.K)
        for n in range(1, steps + 1):
            self.extend(n)
            self.sweep()
        before = self.C_v
        self.sweep()
        np.testing.assert_allclose(self.C_v, before, rtol=1e-9, atol=1e-12 * np.abs(before).max())
        return tuple(np.diag(M).reshape(-1, self.C).sum(1) for M in (self.C_v, self.C_Delta))

    def extend(self, n):
        def grown(matrix):
            larger = self.empty(n)
            larger[: len(matrix), : len(matrix)] = matrix
            return larger

        self.n = n
        for stored in (self.C_h, self.R_h, self.C_g, self.R_g):
            stored[:] = map(grown, stored)
        self.C_v, self.R_vu = grown(self.C_v), grown(self.R_vu)
        every, one = np.ones((self.C, self.C)), np.eye(self.C)
        self.Kn = np.kron(self.K[:n, :n], every)
        self.K_top = np.kron(self.K[:n, :n], one)
        self.dd = np.kron(np.outer(self.d[:n], self.d[:n]), every)
        self.same = np.kron(np.ones((n, n)), one)
        # The readout: C_g^{L+1} = "same output", R_g^{L+1} = 0.
        self.C_g[self.L + 1], self.R_g[self.L + 1] = self.same, self.empty(n)

    def image(self, l, C, R, strength=1.0):
        """(response, noise) that matrix l makes of a field with C and R; `strength` is a branch's beta."""
        learned = strength * self.gamma * self.rates[l] * self.Kn * C
        return self.sigma2[l] * self.dd * R + learned, self.sigma2[l] * self.dd * C

    def rho(self, l):
        above, below = (self.nu[l + 1], self.nu[l])
        return 1.0 if above == below else above / below

    def sweep(self):
        down = range(self.L, 0, -1)
        if self.beta is None:
            for l in down:
                self.layer(l)
            self.inputs()
            for l in range(1, self.L + 1):
                self.layer(l)
        else:
            for _ in range(self.L):  # at equal times each layer sees the one above it,
                self.stream()
            self.inputs()
            for _ in range(self.L):  # and the one below
                self.stream()

    def top(self):
        return self.gamma * self.rates[self.L] * self.K_top, self.sigma2[
            self.L
        ] * self.dd * self.same

    def layer(self, l):
        F, xi = self.image(l - 1, self.C_h[l - 1], self.R_h[l - 1])
        if l == self.L:
            B, zeta = self.top()
        else:
            B, zeta = (self.rho(l) * M for M in self.image(l, self.C_g[l + 1], self.R_g[l + 1]))
        one, m = np.eye(len(F)), len(F)
        inverse = np.linalg.inv(np.block([[one, -F], [-B, one]]))
        both = inverse @ np.block([[xi, 0 * xi], [0 * xi, zeta]]) @ inverse.T
        self.C_h[l], self.C_g[l] = both[:m, :m], both[m:, m:]
        self.R_h[l], self.R_g[l] = inverse[:m, m:], inverse[m:, :m]

    def stream(self):
        """All layers of a residual network at once: h^1 .. h^L, then g^1 .. g^L."""
        L, beta, m = self.L, self.beta, self.n * self.C
        A, S = np.eye(2 * L * m), np.zeros((2 * L * m, 2 * L * m))

        def h(l):
            return slice((l - 1) * m, l * m)

        def g(l):
            return slice((L + l - 1) * m, (L + l) * m)

        A[h(1), g(1)], S[h(1), h(1)] = (
            s * M for s, M in zip((-1, 1), self.image(0, self.C_h[0], self.R_h[0]), strict=True)
        )
        B, S[g(L), g(L)] = self.top()
        A[g(L), h(L)] = -B
        for l in range(1, L):
            F, xi = self.image(l, self.C_h[l], self.R_h[l], beta)
            B, zeta = self.image(l, self.C_g[l + 1], self.R_g[l + 1], beta)
            A[h(l + 1), h(l)] = A[g(l), g(l + 1)] = -np.eye(m)
            A[h(l + 1), g(l + 1)], A[g(l), h(l)] = -beta * F, -beta * B
            S[h(l + 1), h(l + 1)], S[g(l), g(l)] = beta**2 * xi, beta**2 * zeta
        inverse = np.linalg.inv(A)
        both = inverse @ S @ inverse.T
        for l in range(1, L + 1):
            self.C_h[l], self.C_g[l] = both[h(l), h(l)], both[g(l), g(l)]
            self.R_h[l] = beta * inverse[h(l), g(l)]
            self.R_g[l] = (1 if l == 1 else beta) * inverse[g(l), h(l)]

    def inputs(self):
        spectrum, data, m = self.data.spectrum, self.data, self.n * self.C
        B0, zeta0 = (self.rho(0) * M for M in self.image(0, self.C_g[1], self.R_g[1]))
        if math.isinf(
            self.nu[1]
        ):  # V * rho_0 is finite for equal widths, and only the product enters
            raise ValueError("the reference takes finite widths")
        one, start = np.eye(m), np.kron(np.ones((self.n, 1)), np.eye(self.C))
        read = self.V * (one - start @ one[: self.C] if self.network.centered else one)
        targets = spectrum.target_covariance(self.C)
        parts = list(zip(spectrum.eigenvalues, targets, spectrum.mass, strict=True))
        for _ in range(2):  # v first, then Delta and u, which see the new v
            self.residuals()
            C_v, R_vu, C_u, R_u = (np.zeros((m, m)) for _ in range(4))
            for lam, target, mass in parts:
                if data.samples is not None:
                    response, noise = lam * self.R_Delta, lam * self.C_Delta / data.samples
                else:
                    response = lam * one
                    fresh = np.kron(np.eye(self.n), np.ones((self.C, self.C))) * self.C_Delta
                    noise = 0 * one if data.batch is None else lam * fresh / data.batch
                inverse = np.linalg.inv(np.block([[one, -self.V * B0], [-response, one]]))
                sources = [start @ target @ start.T + read @ zeta0 @ read.T, noise]
                both = (
                    inverse @ np.block([[sources[0], 0 * one], [0 * one, sources[1]]]) @ inverse.T
                )
                C_v += mass * lam * both[:m, :m]
                R_vu += mass * lam * inverse[:m, m:]
                C_u += mass * both[m:, m:]
                R_u += mass * inverse[m:, :m] @ read
            self.C_v, self.R_vu, self.C_h[0], self.R_h[0] = C_v, R_vu, C_u, R_u
        self.residuals()

    def residuals(self):
        raw = self.C_v + self.data.noise**2 * self.same
        self.R_Delta = np.eye(len(raw))
        if self.data.samples is not None:
            self.R_Delta = np.linalg.inv(np.eye(len(raw)) - self.R_vu / self.data.samples)
        self.C_Delta = self.R_Delta @ raw @ self.R_Delta.T
