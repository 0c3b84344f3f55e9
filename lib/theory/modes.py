r"""How well few nodes stand for many modes, asked of a solution itself.

A solution fixes the matrices of which sums over modes are taken. The same sums with a rule of half as many digits
more say what the rule has cost; where that is too much, they say which rule is good enough, and the problem is
solved again with this one. A rule that keeps all modes has no error.
"""

import math

import numpy as np

from lib.equations.input_layer import NoiselessInputLayer
from lib.problem import quadrature
from lib.status import DIVERGENCE, Outcome

ROWS = 24
"""Times at which sums are compared, half of them evenly, half in their logarithms."""

AIM = 0.1
"""Part of the tolerance that sums over modes may be off by."""

CAUTIOUS = 10
"""Factor between the error of the sums, at one time, and what is reported: later losses feel all before."""

ROUNDING = 1e-12
"""Sums that differ by no more are equal: no finer rule is better."""

NOISE = 1e-6
"""Differences smaller than this may be rounding; they are if more digits do not halve them."""

MOST_DIGITS = 500
"""Digits beyond which no rule is tried."""

LEARNS = 4.0
"""Factor by which training is taken to make the kernel grow at first, and beyond what has been seen of it."""

FINER = 1.5
"""Factor of the digits to the rule with which one is compared."""

STEP = math.sqrt(FINER)
"""Factor of the digits from one rule that may be good enough to the next."""


def slow_below(networks, trainings):
    r"""Eigenvalue below which modes hardly move in the learning time $\tau$ of any configuration.

    Each matrix adds about 1 to the kernel at the start.
    """
    fastest = max(
        sum(rate if np.isscalar(rate) else 1.0 for rate in training.rate_factors(network))
        * training.learning_time
        for network, training in zip(networks, trainings, strict=True)
    )
    return 1 / (LEARNS * fastest) if fastest > 0 else math.inf


def first_rule(modes, networks, trainings, tolerance):
    """The rule that is tried first for all `modes`, an exact one."""
    return quadrature.few(modes, -math.log10(AIM * tolerance), slow_below(networks, trainings))


class ModeCheck:
    r"""Solves with the rule of so many `digits`, down to `slow`, and compares its sums with those of one that is finer.

    Attributes
    ----------
    rule : Rule
    difference : float
        Largest relative difference of the sums.
    moved : float
        Largest row sum of $X R_\Delta$: times $\lambda$, what a unit error of the weights moves them by.
    better : None or ModeCheck
        The next one to solve with, if this one is too rough.
    """

    def __init__(self, modes, digits, slow, tolerance, last=False):
        self.modes, self.digits, self.slow, self.tolerance = modes, digits, slow, tolerance
        self.last = last
        self.rule = quadrature.few(modes, digits, slow)
        self.finer = quadrature.few(modes, FINER * digits, slow)
        self.difference, self.moved, self.longer = 0.0, 0.0, 1.0
        self.seen, self.better = [], None

    def look(self, inputs, first, stop, longer=1.0):
        """Compare at some of the rows first .. stop - 1 of `inputs`, a multiple of its outputs; is it good so far?

        The whole run is so many times `longer` than what these rows have seen. A configuration is asked until it
        diverges.
        """
        if self.rule.exact:
            return True
        try:
            with np.errstate(all="ignore"):
                self._compare(inputs, first, stop, longer)
                good = self.difference <= self._aim() or self.last
                if self.better is None and not good:
                    self.better = self._better()
        except KeyboardInterrupt:
            self.difference = math.inf  # nobody knows
            raise
        return self.better is None

    def _compare(self, inputs, first, stop, longer):
        outputs, self.seen = inputs.axis.outputs, []
        sizes = np.einsum("bii->bi", inputs.C_v[:, :stop, :stop])
        fine = np.isfinite(sizes) & (sizes < DIVERGENCE)
        for b in range(len(sizes)):
            end = stop if fine[b].all() else int(np.argmin(fine[b])) // outputs * outputs
            if end > first:
                self.longer = longer
                self.seen.append(Rows(inputs, b, first, end, sizes[b, :outputs].max()))
        for rows in self.seen:
            found = rows.difference(rows.sums(self.rule), rows.sums(self.finer))
            self.difference = max(self.difference, found)
            self.moved = max(self.moved, rows.moved())

    def _aim(self):
        return max(AIM * self.tolerance / self.longer, ROUNDING)

    def _better(self):
        grown = self.moved * self.slow > 1  # the kernel has, more than was thought
        if grown and self.slow > self.modes.eigenvalues.min():
            digits, slow = self.digits, 1 / (LEARNS * self.moved)
        else:
            digits, slow = STEP * self.digits, self.slow
        digits, good = self._enough(digits, slow)
        return ModeCheck(self.modes, digits, slow, self.tolerance, last=not good)

    def _enough(self, digits, slow):
        """Digits, no fewer than these, for sums over what was last seen, and whether they are good enough.

        If they are not, no rule is: what is left is rounding.
        """
        tried, exact, before = [], False, math.inf
        while not exact and (not tried or digits < MOST_DIGITS):
            rule = quadrature.few(self.modes, digits, slow)
            exact, sums = rule.exact, [rows.sums(rule) for rows in self.seen]
            for fewer, rough in tried if exact else tried[-2:-1]:
                pairs = zip(self.seen, rough, sums, strict=True)
                found = max(rows.difference(*pair) for rows, *pair in pairs)
                if found <= self._aim():
                    return fewer, True
                if not exact and before / 2 < found < NOISE:
                    return tried[-3][0], False
                before = found
            tried.append((digits, sums))
            digits *= STEP
        return tried[-1][0], exact

    @property
    def error(self):
        return CAUTIOUS * self.difference


class Rows:
    """The rows first .. stop - 1 of configuration b, whose loss starts at `start`."""

    def __init__(self, inputs, b, first, stop, start):
        self.inputs, self.b, self.first, self.stop, self.start = inputs, b, first, stop, start

    def sums(self, rule):
        """What `_sums` gives, in some of the rows."""
        last, half = self.stop - 1 - self.first, ROWS // 2
        after = np.concatenate([np.linspace(0, last, half), np.geomspace(1, last + 1, half) - 1])
        rows = self.first + np.unique(after.round().astype(int))
        noiseless = isinstance(self.inputs, NoiselessInputLayer)
        rule = rule.of_target if noiseless else rule
        return _sums(rule, self.inputs, self.b, rows, self.stop)

    def difference(self, coarse, finer):
        """Largest relative difference of two `sums`."""
        floor = 1e-12 * np.maximum(self.start, 1e-300)
        found = [
            np.abs(own - other) / (np.abs(other) + floor)
            for own, other in zip(coarse[:2], finer[:2], strict=True)
        ]
        if hasattr(self.inputs.regime, "size"):
            size = self.inputs.regime.size + np.abs(finer[2]).sum(-1)
            found.append(np.abs(coarse[2] - finer[2]).sum(-1) / size)
        found = np.concatenate(found)
        return float(np.where(np.isfinite(found), found, np.inf).max())

    def moved(self):
        """Largest row sum of X R_Delta."""
        upto = slice(0, self.stop)
        sums = self.inputs.regime.R_Delta[self.b, upto, upto] @ self.inputs.axis.output[upto]
        moved = np.abs(self.inputs.X[self.b, self.first : self.stop, upto] @ sums).sum(-1)
        return float(moved[np.isfinite(moved)].max(initial=0.0))


def with_modes(modes, networks, trainings, tolerance, run):
    """`run(rule, look)` with few nodes in place of all `modes`, as many as the tolerance asks for.

    `run` returns its fields and calls `look` with rows that are solved (see `ModeCheck.look`), which tells
    whether the nodes are enough so far. If not, `run` may stop: what it returns is not used.
    """
    digits, slow = -math.log10(AIM * tolerance), slow_below(networks, trainings)
    check = ModeCheck(modes, digits, slow, tolerance)
    while True:
        fields = run(check.rule, check.look)
        broken = any(status.outcome is Outcome.INTERRUPTED for status in fields["status"])
        if broken or check.better is None:
            break
        check, fields = check.better, None  # it lets go of matrices
    count = len(fields["status"])
    kept = np.empty(count, dtype=object)
    kept[:] = [check.rule] * count
    return fields | {"error": fields["error"] + check.error, "modes": kept}


def _sums(rule, inputs, b, rows, stop):
    """Sums for the excess loss and for the error signal [rows], and R_vu [rows, stop].

    Of configuration b, in the rows `rows`.
    """
    upto = slice(0, stop)
    X, output = inputs.X[b, upto, upto], inputs.axis.output[upto]
    mean_only = isinstance(inputs, NoiselessInputLayer)
    A = X if mean_only else X @ inputs.regime.R_Delta[b, upto, upto]
    excess, signal = np.zeros((2, len(rows)))
    response = np.zeros((len(rows), stop))
    one, picked = np.eye(stop), np.eye(stop)[:, rows]
    for eigenvalue, mass, power in zip(rule.eigenvalues, rule.mass, rule.power, strict=True):
        loop = one - eigenvalue * A
        part = np.zeros(len(rows))
        if power.any():
            mean = _solve(loop, output)[rows]
            part += np.einsum("tc,cd,td->t", mean, power, mean)
        if mass and not mean_only:
            H = _solve(loop.T, picked).T
            moved = H @ X
            from_width = ((H @ inputs.S[b, upto, upto]) * H).sum(-1)
            from_data = ((moved @ inputs.regime.Q[b, upto, upto]) * moved).sum(-1)
            part += mass * (from_width + eigenvalue * from_data)
            response += eigenvalue * mass * moved
        excess += eigenvalue * part
        signal += eigenvalue**2 * part
    return excess, signal, response


def _solve(loop, right):
    try:
        return np.linalg.solve(loop, right)
    except np.linalg.LinAlgError:
        return np.full(right.shape, np.nan)
