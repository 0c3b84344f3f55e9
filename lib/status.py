"""The verdict on a run: what happened, and what to do about it."""

import enum
from dataclasses import dataclass

import numpy as np

DIVERGENCE = 1e20
"""A loss above this, or one that is not a number, counts as diverged."""


class Outcome(enum.Enum):
    """How a run ended; the value is the sentence for the user, `{step}` its place in time."""

    COMPLETE = "All steps were computed."
    DIVERGED = (
        "The loss diverged at step {step} and is inf from there on. "
        "Lower the learning rate, or train fewer steps."
    )
    INTERRUPTED = (
        "The run was interrupted at step {step}; losses from there on are nan. "
        "Run it again to finish it."
    )


@dataclass(frozen=True)
class Status:
    """An `Outcome` and the step it happened at (None if there is none)."""

    outcome: Outcome
    step: int | None = None

    @property
    def name(self):
        return self.outcome.name

    @property
    def value(self):
        """The sentence for the user."""
        return self.outcome.value.format(step=self.step)

    def __str__(self):
        return self.value


def judge(*losses):
    """Replace diverged losses by inf from the first such step on, in place; return the `Status`.

    Each of `losses` is a row over the same steps.
    """
    bad = np.zeros(losses[0].shape, bool)
    for loss in losses:
        bad |= ~(loss < DIVERGENCE)
    if not bad.any():
        return Status(Outcome.COMPLETE)
    step = int(np.argmax(bad))
    for loss in losses:
        loss[step:] = np.inf
    return Status(Outcome.DIVERGED, step)
