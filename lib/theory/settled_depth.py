"""How many nodes in layer time a network of infinite depth takes: more and more, until its losses settle."""

from functools import partial

import numpy as np

from lib.equations.infinite_depth import InfiniteDepthStack
from lib.horizons.remainder import remainder
from lib.horizons.sizes import KNOWN
from lib.status import Outcome, Status
from lib.theory.grid import EveryStep

NODES = range(3, 13)
"""Nodes per panel that are tried in turn."""

USUAL_TOLERANCE = 1e-5
"""Of the losses, at every step; a grid that has a tolerance of its own sets it."""

LOSSES = ("test_loss", "excess_loss", "train_loss")
"""What must settle."""

CAUTIOUS = 30
"""Factor by which the next change may be larger than the worst of the last factors lets expect: 26 was seen."""


def settle(solve_with, tolerance, grid):
    """Solve with more and more nodes per panel until the losses no longer change.

    Parameters
    ----------
    solve_with : callable
        From a class of stacks to the fields of a `Solution`, each with a leading axis.
    tolerance : float or None
        Wanted relative error of every loss at every time; None: that of the grid.
    grid : EveryStep, CompressedPast or Nodes
        Its own errors are no reason for more nodes in layer time.

    Returns
    -------
    dict
        The fields of the last solution, and `depth_error` [K]: the change from the solution before,
        times a factor by which changes shrink, cautiously (nan after an interrupt). It is part of `error`.
    """
    if tolerance is None:
        own = USUAL_TOLERANCE if isinstance(grid, EveryStep) else grid.tolerance
        tolerance = min(own, USUAL_TOLERANCE)
    before, changes = None, []
    for nodes in NODES:
        fields = solve_with(partial(InfiniteDepthStack, nodes=nodes))
        if any(status.outcome is Outcome.INTERRUPTED for status in fields["status"]):
            return _with_error(fields, np.full(len(fields["status"]), np.nan))
        if before is not None:
            changes.append(_change(before, fields))
            error = np.minimum(CAUTIOUS * remainder(changes), changes[-1])
            settled = error <= np.fmax(tolerance, fields["error"])
            if len(changes) > 1 and settled.all():
                break
        before = fields
    for k in np.flatnonzero(~settled):
        if fields["status"][k].outcome in (Outcome.COMPLETE, Outcome.STATIONARY):
            fields["status"][k] = Status(Outcome.DEPTH_UNSETTLED)
    return _with_error(fields, error)


def _with_error(fields, depth_error):
    return fields | {"depth_error": depth_error, "error": fields["error"] + depth_error}


def _change(before, after):
    """Largest change of a loss at any time, as `error` counts it, up to where a run diverges, [K]."""
    times, worst = after["times"], np.zeros(len(after["status"]))
    for name in LOSSES:
        old, new = before[name], after[name]
        if not np.array_equal(before["times"], times):
            pairs = zip(before["interpolants"], old, strict=True)
            old = np.array([interpolant(curve, times) for interpolant, curve in pairs])
        with np.errstate(invalid="ignore"):
            change = np.abs(new - old) / (np.abs(new) + KNOWN * new[:, :1])
        worst = np.maximum(worst, np.where(np.isfinite(change), change, 0).max(axis=1))
    return worst
