"""The verdict on a run: what happened, and what to do about it."""

import enum
from dataclasses import dataclass

import numpy as np

DIVERGENCE = 1e20
"""A loss above this, or one that is not a number, counts as diverged."""


OTHER_GRIDS = "fewer steps, or solve with grid=lib.EveryStep() or lib.CompressedPast()"
"""What training in steps can do where nodes or coordinates run out."""


class Outcome(enum.Enum):
    """How a run ended; the value is the sentence for the user, `{when}` its place in time."""

    COMPLETE = "All steps were computed."
    DIVERGED = (
        "The loss diverged at {when} and is inf from there on. "
        "Lower the learning rate, or train fewer steps."
    )
    STATIONARY = (
        "Nothing changes any more, within the tolerance, from {when} on; "
        "the rest of the run is constant."
    )
    UNRESOLVED = (
        "The solution was followed to {when} with as many nodes or coordinates as were allowed; losses from "
        "there on are nan. Allow more of them, a larger tolerance or {other}."
    )
    UNSTABLE = (
        "From {when} on steps are unstable: a deviation too small to be seen grows at each of them, and "
        "neither nodes nor moments can follow it. Losses from there on are nan. "
        "Lower the learning rate, or solve with grid=lib.EveryStep()."
    )
    INACCURATE = (
        "All steps were computed, but rounding errors have grown: the result violates the equations it "
        "solves by more than is allowed (see residual). Lower the learning rate, or train fewer steps."
    )
    ROUNDING = (
        "All steps were computed, but from {when} on the losses rest on rounding errors, which unstable "
        "steps have made grow until they are seen. Lower the learning rate, or train fewer steps."
    )
    DEPTH_UNSETTLED = (
        "All steps were computed, but infinite depth is resolved less well than depth_tolerance asks; "
        "depth_error says how well. Raise depth_tolerance, or lower branch_scale or the learning rate."
    )
    INTERRUPTED = (
        "The run was interrupted at {when}; losses from there on are nan. "
        "Run it again to finish it."
    )


@dataclass(frozen=True)
class Status:
    """An `Outcome` and the step (int) or time (float) it happened at; None if there is none."""

    outcome: Outcome
    step: int | float | None = None

    @property
    def name(self):
        return self.outcome.name

    @property
    def value(self):
        """The sentence for the user."""
        continuous = isinstance(self.step, float)
        when = f"time {self.step:.6g}" if continuous else f"step {self.step}"
        other = "a shorter time" if continuous else OTHER_GRIDS
        return self.outcome.value.format(when=when, other=other)

    def __str__(self):
        return self.value


def judge(losses, finished):
    """The `Status` of one run; losses that say nothing are replaced in place.

    `losses` are rows over the same steps, of which the first `finished` were computed. They become
    inf from the first divergence on, and nan where the run was interrupted.
    """
    bad = np.zeros(finished, bool)
    for loss in losses:
        bad |= ~(loss[:finished] < DIVERGENCE)
    if bad.any():
        status, filler = Status(Outcome.DIVERGED, int(np.argmax(bad))), np.inf
    elif finished < len(losses[0]):
        status, filler = Status(Outcome.INTERRUPTED, finished), np.nan
    else:
        return Status(Outcome.COMPLETE)
    for loss in losses:
        loss[status.step :] = filler
    return status
