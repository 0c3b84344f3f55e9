r"""A probe in the tangent kernel: how the past of training, put in on one side, comes back on the other.

With $x^{l+1} = M_l x^l$, $y^l = c_l x^l + M_l^\top y^{l+1}$, $y^L = c_L x^L$ and $\lambda x^0 = y^0$, a past that the matrices
remember enters as $a_l(s)$ along $g^{l+1}(s)$ in $x^{l+1}$ and as $b_l(s)$ along $h^l(s)$ in $y^l$, and is met again as
$\alpha^l(s) = x^l \cdot h^l(s)/N_l$ and $\beta^l(s) = y^{l+1} \cdot g^{l+1}(s)/N_l$. All are linear in each other (equation
{eq}`spikes-kernel-system` of the book): responses $r^l = dx^l/d\zeta^l$ and $q^{l+1} = dy^{l+1}/d\xi^{l+1}$ first, from

$$ d^l = r^{l-1} + a_{l-1}, \quad e^l = \rho_l q^{l+1} + b_l, \quad d^0 = e^L = 0, $$

then the overlaps. For the kernel of repeated data the matrix of the samples is one more at the input
end, which remembers nothing.
"""

from dataclasses import dataclass

import numpy as np

from lib.questions.kernel_bulk import KernelBulk

NEGLIGIBLE = 1e-14
"""Directions in which S is smaller than this, relative to its largest eigenvalue, are left out."""


@dataclass(frozen=True)
class Site:
    """Fields of hidden layer l up to time t, in units of the random matrices below and above it.

    h responds to the field from below with `h_xi`, from above with `h_zeta`; likewise g; and
    `hg` is the correlation of h (rows) with g.
    """

    h_xi: np.ndarray
    h_zeta: np.ndarray
    g_xi: np.ndarray
    g_zeta: np.ndarray
    hg: np.ndarray
    C_h: np.ndarray
    C_g: np.ndarray


class Cavity:
    """The kernel at time t of a `TrainedNetwork` with one output, `of` "weights" or "samples"."""

    def __init__(self, trained, t, of):
        run, network = trained.run, trained.run.network
        self.trained, self.t, self.depth = trained, t, network.depth
        self.matrices, self.samples = trained.layers, of == "samples"
        widths = np.array([trained.inputs, *network.widths])
        self.sizes, self.rho = widths[:-1], widths[1:] / widths[:-1]
        self.c = self._weights_of_layers()
        if self.samples:
            self.alpha = run.data.samples
            self.bulk = KernelBulk([0.0, *self.c], [1 / self.alpha, *self.rho])
        else:
            self.bulk = KernelBulk(self.c, self.rho)
        self.k = [matrix.k[t, :t] for matrix in self.matrices]
        self.first = self._input_side()
        self.sites = {l: self._site(l) for l in range(1, self.depth + 1)}

    def signs_and_eigenvalues(self, parameter):
        """The signs J of S, and the eigenvalues of $J - U^T K U$ with $S = U J U^T$, ascending."""
        S = self.response(parameter)
        values, axes = np.linalg.eigh(S)
        kept = np.abs(values) > NEGLIGIBLE * np.abs(values).max(initial=0)
        values, U = values[kept], axes[:, kept] * np.sqrt(np.abs(values[kept]))
        signs = np.sign(values)
        halves = U.reshape(self.depth, 2, self.t, -1)
        coupled = np.zeros((U.shape[1],) * 2)
        for k, (alpha, beta) in zip(self.k, halves, strict=True):
            half = alpha.T @ (k[:, None] * beta)
            coupled += half + half.T
        return signs, np.linalg.eigvalsh(np.diag(signs) - coupled)

    def response(self, parameter):
        r"""S, symmetric: from $\sqrt{N_l}\,(b_l, a_l)$ to $\sqrt{N_l}\,(\alpha^l, \beta^l)$, matrix by matrix."""
        system = _System(self, self.bulk.chain(parameter)[1])
        alpha, beta = system.overlaps()
        L, t = self.depth, self.t
        S = np.stack([alpha, beta], axis=1).reshape(L, 2 * t, 2 * L * t)
        root = np.sqrt(self.sizes)
        S = S * root[:, None, None] / np.repeat(root, 2 * t)
        S = S.reshape(2 * L * t, 2 * L * t)
        self.asymmetry = np.abs(S - S.T).max(initial=0)
        return (S + S.T) / 2

    def _weights_of_layers(self):
        """c_l of Theta in terms of the random parts of the matrices without their scales."""
        run, t = self.trained.run, self.t
        widths = np.array(run.network.widths)
        ratio = widths / np.array([1.0, *widths[:-1]])
        backward = np.array([run.C_g[l + 1][t, t] for l in range(self.depth)])
        rates = run.training.rate_factors(run.network)
        scales = [1.0, *(matrix.scale[t] ** 2 for matrix in self.matrices)]
        reach = np.cumprod(scales) * np.array([1.0, *[self.trained.inputs] * self.depth])
        return np.array([*(ratio * backward), 1.0]) * rates * reach / widths[-1]

    def _site(self, l):
        run, past = self.trained.run, slice(0, self.t)
        network, memory = run.network, run.training.memory()
        C_h, R_h, C_g, R_g = (
            {m: matrix[past, past] for m, matrix in kept.items()}
            for kept in (run.C_h, run.R_h, run.C_g, run.R_g)
        )

        def left(m):
            """What is left of the initial scale of W^m at each step."""
            return network.init_scales[m] * memory.decay[past]

        def moved(m):
            return run.training.rate_factors(network)[m] * network.richness * memory.K[past, past]

        below, above = np.outer(left(l - 1), left(l - 1)), np.outer(left(l), left(l))
        F, cov_xi = below * R_h[l - 1] + moved(l - 1) * C_h[l - 1], below * C_h[l - 1]
        if l == self.depth:
            B, cov_zeta = moved(l), above
        else:
            B = self.rho[l] * (above * R_g[l + 1] + moved(l) * C_g[l + 1])
            cov_zeta = self.rho[l] * above * C_g[l + 1]
        h_xi, g_zeta = np.eye(self.t) + F @ R_g[l], np.eye(self.t) + B @ R_h[l]
        # The field of the random part of W^0 itself, as in `trained_matrices`.
        from_below = left(l - 1) * (np.sqrt(self.trained.inputs) if l == 1 else 1.0)
        return Site(
            h_xi=h_xi * from_below,
            h_zeta=R_h[l] * left(l),
            g_xi=R_g[l] * from_below,
            g_zeta=g_zeta * left(l),
            hg=h_xi @ cov_xi @ R_g[l].T + R_h[l] @ cov_zeta @ g_zeta.T,
            C_h=C_h[l],
            C_g=C_g[l],
        )

    def _input_side(self):
        """Responses and correlations of u, v and Delta: those of u alone for the kernel of the weights."""
        run, past = self.trained.run, slice(0, self.t)
        matrix = self.matrices[0]
        side = {"R_h": matrix.R_h[past, past], "C_h": matrix.C_h[past, past]}
        if self.samples:
            names = ("C_v", "C_Delta", "R_vu", "R_Delta")
            C_v, C_Delta, V_u, R_Delta = (getattr(run, name)[past, past] for name in names)
            side |= {
                "V_z": side["R_h"] - V_u @ side["R_h"] / self.alpha,
                "V_u": V_u,
                "U_u": np.eye(self.t) + R_Delta @ V_u,
                "C_v": C_v,
                "C_uv": R_Delta @ C_v + C_Delta @ V_u.T / self.alpha,
                "R_Delta": R_Delta,
                "C_Delta": C_Delta,
            }
        return side


class _System:
    """The linear equations at one eigenvalue; every unknown is [t, 2 L t], a column for each source."""

    def __init__(self, cavity, transforms):
        self.cavity, self.L, self.t = cavity, cavity.depth, cavity.t
        if cavity.samples:
            self.outer, *R = transforms
            self.Q0 = 1 / self.outer - 1 / R[0]
            self.kappa0 = R[0] / self.outer
        else:
            R = transforms
        self.R = R
        self.Q, self.kappa = {}, {}
        for l in range(1, self.L + 1):
            self.Q[l] = cavity.c[-1] if l == self.L else 1 / R[l - 1] - 1 / R[l]
            self.kappa[l] = 1 / (1 - R[l - 1] * self.Q[l])
        unit = np.eye(2 * self.L * self.t).reshape(self.L, 2, self.t, -1)
        self.b, self.a = unit[:, 0], unit[:, 1]

    def overlaps(self):
        """alpha^l and beta^l, [L, t, 2 L t] each."""
        L, rho, sites, first = self.L, self.cavity.rho, self.cavity.sites, self.cavity.first
        equations = _Equations(self.t)
        for l in range(L):
            into = f"r{l}"
            if l > 0:
                site, R = sites[l], self.R[l - 1]
                equations.add(into, self.d(l), self.kappa[l] * site.g_zeta.T)
                equations.add(into, self.e(l), self.kappa[l] * R * site.h_zeta.T)
            elif self.cavity.samples:
                equations.add(into, {"rp": 1.0}, self.kappa0 * first["V_z"].T)
                equations.add(into, self.e(0), self.kappa0 * self.outer * first["R_h"].T)
            else:
                equations.add(into, self.e(0), self.R[0] * first["R_h"].T)
        for l in range(1, L + 1):
            site = sites[l]
            equations.add(f"q{l}", self.e(l), self.kappa[l] * site.h_xi.T)
            equations.add(f"q{l}", self.d(l), self.kappa[l] * self.Q[l] * site.g_xi.T)
        if self.cavity.samples:
            alpha = self.cavity.alpha
            equations.add("rp", {"ry": 1.0}, self.outer * first["R_Delta"].T)
            equations.add("ry", self.e(0), self.kappa0 / alpha * first["U_u"].T)
            equations.add("ry", {"rp": 1.0}, self.kappa0 / alpha * self.Q0 * first["V_u"].T)
        responses = equations.solve()

        def of(entries):
            """A sum of responses and sources, as numbers."""
            total = 0.0
            for name, weight in entries.items():
                total = total + (weight * responses[name] if isinstance(name, str) else weight)
            return total

        equations = _Equations(self.t)
        for l in range(L):
            into = f"alpha{l}"
            if l > 0:
                site, R, kappa = sites[l], self.R[l - 1], self.kappa[l]
                equations.add(into, {f"alpha{l - 1}": 1.0}, kappa * site.h_xi)
                equations.add(into, {f"beta{l}": 1.0}, kappa * R * site.h_zeta)
                equations.put(
                    into, kappa * (site.hg @ of(self.d(l)) + R * site.C_h @ of(self.e(l)))
                )
            elif self.cavity.samples:
                self._samples(equations, responses, of)
            else:
                equations.add(into, {"beta0": 1.0}, self.R[0] * first["R_h"])
                equations.put(into, self.R[0] * first["C_h"] @ of(self.e(0)))
        for l in range(1, L + 1):
            site, into, factor = sites[l], f"beta{l - 1}", rho[l - 1] * self.kappa[l]
            if l < L:
                equations.add(into, {f"beta{l}": 1.0}, factor * site.g_zeta)
                equations.put(into, factor * site.hg.T @ of(self.e(l)))
            equations.add(into, {f"alpha{l - 1}": 1.0}, factor * self.Q[l] * site.g_xi)
            equations.put(into, factor * self.Q[l] * site.C_g @ of(self.d(l)))
        found = equations.solve()
        return tuple(
            np.array([found[f"{name}{l}"] for l in range(L)]) for name in ("alpha", "beta")
        )

    def d(self, l):
        """What enters x^l along g^l: names of responses with weights, and a source."""
        return {f"r{l - 1}": 1.0, ("a", l): self.a[l - 1]}

    def e(self, l):
        """What enters y^l along h^l."""
        if l == self.L:
            return {}
        return {f"q{l + 1}": self.cavity.rho[l], ("b", l): self.b[l]}

    def _samples(self, equations, responses, of):
        """Overlaps at the matrix of the samples: pi with Delta, eta with v."""
        side, alpha, kappa, outer = self.cavity.first, self.cavity.alpha, self.kappa0, self.outer
        rp, ry, e = responses["rp"], responses["ry"], of(self.e(0))
        equations.add("pi", {"eta": 1.0}, outer * side["R_Delta"])
        equations.put("pi", outer * side["C_Delta"] @ ry)
        equations.add("alpha0", {"pi": 1.0}, kappa / alpha * side["U_u"])
        equations.add("alpha0", {"beta0": 1.0}, kappa * outer * side["R_h"])
        equations.put("alpha0", kappa * (side["C_uv"] @ rp + outer * side["C_h"] @ e))
        equations.add("eta", {"beta0": 1.0}, kappa * side["V_z"])
        equations.add("eta", {"pi": 1.0}, kappa * self.Q0 / alpha * side["V_u"])
        equations.put("eta", kappa * (side["C_uv"].T @ e + self.Q0 * side["C_v"] @ rp))


class _Equations:
    """unknown = sum of matrices times unknowns, plus what is given; solved together."""

    def __init__(self, t):
        self.t, self.terms, self.given = t, [], {}

    def add(self, into, entries, matrix):
        """`into` += matrix @ (sum of weights times unknowns, and sources)."""
        for name, weight in entries.items():
            if isinstance(name, str):
                self.terms.append((into, name, weight * matrix))
            else:
                self.put(into, matrix @ weight)

    def put(self, into, values):
        """`into` += values."""
        self.given[into] = self.given.get(into, 0.0) + values

    def solve(self):
        names = list(self.given) + [into for into, *_ in self.terms if into not in self.given]
        names = list(dict.fromkeys(names))
        place = {name: slice(i * self.t, (i + 1) * self.t) for i, name in enumerate(names)}
        system = np.eye(len(names) * self.t)
        for into, name, matrix in self.terms:
            system[place[into], place[name]] -= matrix
        columns = next(iter(self.given.values())).shape[1]
        right = np.zeros((len(system), columns))
        for name, values in self.given.items():
            right[place[name]] = values
        solved = np.linalg.solve(system, right)
        return {name: solved[rows] for name, rows in place.items()}
