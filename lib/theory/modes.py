r"""How well few nodes stand for many modes, asked of a solution itself.

A solution fixes the matrices of which sums over modes are taken. The same sums with a rule twice as fine say
what the rule has cost, panel by panel; panels that cost too much are refined, and the problem is solved
again. A rule as fine as the modes are many has no error.
"""

import numpy as np

from lib.equations.input_layer import NoiselessInputLayer
from lib.problem import quadrature
from lib.status import DIVERGENCE, Outcome
from lib.theory.assembly import noiseless

ROWS = 24
"""Times at which sums are compared."""

AIM = 0.1
"""Part of the tolerance that sums over modes may be off by."""

CAUTIOUS = 10
"""Factor between the error of the sums, at one time, and what is reported: later losses feel all before."""


ROUNDING = 1e-13
"""Sums that differ by no more are equal: no finer rule is better."""

SLOW = 4.0
r"""$\lambda \tau$ times the matrices of a network below which modes share one rule, see `slow_below`."""

MARGIN = 4.0
"""Factor between the threshold that a solution shows to be too high and the next one."""

MOST_MOVED = 20.0
r"""$\lambda$ times what a unit error of the weights has moved them by, up to which that rule is good."""


def slow_below(data, networks, trainings):
    r"""Eigenvalue below which modes hardly move in the learning time $\tau$ of any configuration.

    Each matrix adds about 1 to the kernel at the start, and training may make it a few times larger. Panels
    that begin below it are one. 0 if none are: few modes, or modes that cost next to nothing, without noise.
    """
    if len(data.spectrum) <= quadrature.EXACT_MODES or noiseless(networks[0], data):
        return 0.0
    fastest = max(
        sum(rate if np.isscalar(rate) else 1.0 for rate in training.rate_factors(network))
        * training.learning_time
        for network, training in zip(networks, trainings, strict=True)
    )
    return SLOW / fastest if fastest > 0 else np.inf


def first_nodes(data, networks, trainings):
    """Number of nodes of the rule that is tried first."""
    below = slow_below(data, networks, trainings)
    return len(data.spectrum.rule(networks[0].outputs, (), below).mass)


class ModeCheck:
    r"""Compares sums over the nodes of `rule` with those of one twice as fine.

    Attributes
    ----------
    errors : [panels]
        Largest relative error of each panel's part of the sums.
    moved : float
        Largest row sum of $X R_\Delta$: times $\lambda$, what a unit error of the weights moves them by, and
        will have by the end of the run.
    """

    def __init__(self, rule, finer):
        self.rule, self.finer = rule, finer
        self.errors, self.moved, self.longer = np.zeros(len(rule.orders)), 0.0, 1.0

    def look(self, inputs, first, stop, longer=1.0, to_learn=1.0):
        """Compare at some of the rows first .. stop - 1 of `inputs`, a multiple of its outputs.

        The whole run is so many times `longer` than what these rows have seen, and a constant gradient will
        have moved the weights `to_learn` times as far. A configuration is asked until it diverges.
        """
        outputs = inputs.axis.outputs
        sizes = np.einsum("bii->bi", inputs.C_v[:, :stop, :stop])
        fine = np.isfinite(sizes) & (sizes < DIVERGENCE)
        moved = 0.0
        with np.errstate(all="ignore"):
            for b in range(len(sizes)):
                end = stop if fine[b].all() else int(np.argmin(fine[b])) // outputs * outputs
                if end > first:
                    self.longer = longer
                    moved = max(moved, to_learn * _moved(inputs, b, slice(first, end)))
                    self._compare(inputs, b, first, end, sizes[b, :outputs].max())
        self.moved = moved or self.moved

    def _compare(self, inputs, b, first, stop, start):
        """Of configuration b, whose loss starts at `start`."""
        rows = np.unique(np.linspace(first, stop - 1, ROWS).round().astype(int))
        coarse, finer = (
            _sums(rule, self.rule.orders, inputs, b, rows, stop) for rule in self._pair(inputs)
        )
        floor = 1e-12 * np.maximum(start, 1e-300)
        for own, other in zip(coarse[:2], finer[:2], strict=True):
            size = np.abs(other.sum(0)) + floor
            self._note(np.abs(own - other) / size)
        if hasattr(inputs.regime, "size"):
            moved = np.abs(coarse[2] - finer[2]).sum(-1) / inputs.regime.size
            self._note(moved / (1 + np.abs(finer[2].sum(0)).sum(-1) / inputs.regime.size))

    def _pair(self, inputs):
        if isinstance(inputs, NoiselessInputLayer):
            return self.rule.of_target, self.finer.of_target
        return self.rule, self.finer

    def _note(self, errors):
        errors = np.where(np.isfinite(errors), errors, np.inf).max(axis=-1)
        self.errors = np.maximum(
            self.errors, np.where([bool(o) for o in self.rule.orders], errors, 0)
        )

    @property
    def _too_fast(self):
        """Whether modes that share a rule as slow ones are not."""
        slow = self.rule.slow
        return slow is not None and self.rule.largest[slow] * self.moved > MOST_MOVED

    def worse_than(self, tolerance):
        """The panels to refine; none if all together are good enough for so much of the run."""
        allowed = max(AIM * tolerance / self.longer, ROUNDING)
        worse = {self.rule.slow} if self._too_fast else set()
        if self.errors.sum() > allowed:
            worse |= {*np.flatnonzero(self.errors > allowed / (2 * len(self.errors))).tolist()}
        return sorted(worse)

    def to_refine(self, tolerance):
        """The panels that are not good enough, and those that will not be by the end.

        What a mode does in a time is a function of their product: a panel of smaller eigenvalues will be
        as bad once it has had as much longer. That of slow modes has a rule that is made for the whole time.
        """
        worse, largest, slow = self.worse_than(tolerance), self.rule.largest, self.rule.slow
        least = min((largest[panel] for panel in worse if panel != slow), default=np.inf)
        ahead = np.flatnonzero(largest >= least / self.longer).tolist()
        return sorted({*worse, *(panel for panel in ahead if panel != slow)})

    def lower(self, threshold):
        """A lower threshold, below which modes are slow; 0 if that is not what was wrong."""
        return min(threshold, MOST_MOVED / self.moved) / MARGIN if self._too_fast else 0.0

    @property
    def error(self):
        return CAUTIOUS * float(self.errors.sum())


def with_modes(data, networks, trainings, tolerance, run):
    """`run(rule, look)` with nodes in place of modes, as many as the tolerance asks for.

    `run` returns its fields and calls `look` with rows that are solved (see `ModeCheck.look`), which tells
    whether the nodes are enough so far. If not, `run` may stop: what it returns is not used.
    """
    outputs, orders = networks[0].outputs, ()
    below = slow_below(data, networks, trainings)
    while True:
        rule = data.spectrum.rule(outputs, orders, below)
        if rule.exact:
            fields, error = run(rule, lambda *_: True), 0.0
            break
        finer = rule.refined(range(len(rule.orders)))
        check = ModeCheck(rule, data.spectrum.rule(outputs, finer, below))

        def look(*rows, check=check):
            check.look(*rows)
            return not check.worse_than(tolerance)

        fields, error = run(rule, look), check.error
        worse = check.to_refine(tolerance)
        broken = any(status.outcome is Outcome.INTERRUPTED for status in fields["status"])
        if broken or not worse:
            break
        orders = rule.refined(worse)
        if rule.slow in worse:  # not all of them are slow
            orders, below = orders[: rule.slow], check.lower(below)
    count = len(fields["status"])
    modes = np.empty(count, dtype=object)
    modes[:] = [rule] * count
    return fields | {"error": fields["error"] + error, "modes": modes}


def _moved(inputs, b, rows):
    """Largest sum over one of the `rows` of X R_Delta, of configuration b."""
    upto = slice(0, rows.stop)
    sums = inputs.regime.R_Delta[b, upto, upto] @ inputs.axis.output[upto]
    moved = np.abs(inputs.X[b, rows, upto] @ sums).sum(-1)
    return moved[np.isfinite(moved)].max(initial=0.0)


def _sums(rule, orders, inputs, b, rows, stop):
    """By panel: sums for the excess loss and for the error signal [panels, rows], and R_vu [.., stop].

    Of configuration b, in the rows `rows`. Panels that are kept mode by mode already, without one of the
    `orders`, are left out, as zeros.
    """
    upto = slice(0, stop)
    X, output = inputs.X[b, upto, upto], inputs.axis.output[upto]
    mean_only = isinstance(inputs, NoiselessInputLayer)
    A = X if mean_only else X @ inputs.regime.R_Delta[b, upto, upto]
    excess, signal = np.zeros((2, len(orders), len(rows)))
    response = np.zeros((len(orders), len(rows), stop))
    one, picked = np.eye(stop), np.eye(stop)[:, rows]
    for k, panel in enumerate(rule.panel):
        if orders[panel] is None:
            continue
        eigenvalue, mass, power = rule.eigenvalues[k], rule.mass[k], rule.power[k]
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
            response[panel] += eigenvalue * mass * moved
        excess[panel] += eigenvalue * part
        signal[panel] += eigenvalue**2 * part
    return excess, signal, response


def _solve(loop, right):
    try:
        return np.linalg.solve(loop, right)
    except np.linalg.LinAlgError:
        return np.full(right.shape, np.nan)
