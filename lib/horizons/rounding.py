r"""Where a march at every step has come to rest on its own rounding errors.

Where training makes the kernel grow the edge of stability may be crossed late, when the strong modes have
decayed. What is left of their oscillation are rounding errors, which then grow from step to step until they are
seen: when that is, and what follows, is not told by the equations. So the mean of v is asked, mode by mode.
Differences of high order leave of it what alternates; where this becomes visible and had grown out of rounding
errors, step by step and not by a jump of the rate, the losses from there on are not to be relied on.
"""

import numpy as np

from lib.horizons.sizes import KNOWN
from lib.status import Outcome, Status

ORDER = 8
"""Differences of this order take smooth curves away."""

FLOOR = 1e-13
"""What is left below this, relative to the first v, is rounding errors."""

GRADUAL = 1e3
"""Factor by which they grow in `ORDER` steps, at most; a jump of the rate does more at once."""

WATCHED = 16
"""Modes that are looked at: those of the largest eigenvalues are unstable first."""

VISIBLE = 1e-9
"""Part of the loss that alternating parts must be to be seen."""


def reviewed(verdicts, means, weights, losses):
    """The verdicts, where the losses [batch, T] of complete runs do not rest on rounding errors.

    `means` [batch, modes, T] and `weights` [modes] as in `rests_on_rounding`.
    """
    for b, verdict in enumerate(verdicts):
        if verdict.outcome is Outcome.COMPLETE:
            step = rests_on_rounding(means[b], weights, losses[b, : means.shape[2]])
            verdicts[b] = verdict if step is None else Status(Outcome.ROUNDING, step)
    return verdicts


def watched(inputs, rows):
    """Means of v in the rows `rows` of `inputs`, each output with its own target, and their weights.

    [batch, modes, T] and [modes], for the modes of the target with the largest eigenvalues.
    """
    outputs = range(inputs.axis.outputs)
    strengths = np.einsum("k,kcc->kc", inputs.eigenvalues, inputs.power)
    order = np.argsort(inputs.eigenvalues)[::-1]
    kept = order[strengths.any(axis=1)[order]][:WATCHED]
    means = [inputs.mean[:, kept][:, :, rows, c][..., c :: len(outputs)] for c in outputs]
    return np.concatenate(means, axis=1), np.concatenate([strengths[kept, c] for c in outputs])


def rests_on_rounding(means, weights, losses):
    """The step from which the losses [T] rest on rounding errors; None if they do not.

    `means` [modes, T] are the values of v, relative to the first ones, whose squares add to the loss with
    `weights` [modes].
    """
    if means.shape[1] <= 2 * ORDER:
        return None
    parts = np.abs(alternating(means))
    seen = weights[:, None] * parts**2 > VISIBLE * (losses[ORDER:] + KNOWN * losses[0])
    steps = []
    for mode in np.flatnonzero(seen.any(axis=1)):
        curve = parts[mode]
        quiet = curve <= FLOOR
        # Quiet for as long as a difference reaches, so that one that changes sign is not taken for it.
        quiet = np.flatnonzero(np.convolve(quiet, np.ones(ORDER), "valid") == ORDER) + ORDER - 1
        for step in np.flatnonzero(seen[mode]):
            before = quiet[quiet < step]
            if len(before) and _gradual(curve[before[-1] : step + 1]):
                steps.append(step + ORDER // 2)
                break
    return min(steps, default=None)


def alternating(curves):
    """What alternates from step to step in `curves` [.., T], [.., T - ORDER]."""
    for _ in range(ORDER):
        curves = np.diff(curves, axis=-1) / 2
    return curves


def _gradual(curve):
    """Whether `curve` has grown out of rounding errors step by step, and nowhere by a jump."""
    reached = np.maximum.accumulate(np.maximum(curve, FLOOR))
    before = np.concatenate([np.full(ORDER, FLOOR), reached])[: len(reached)]
    return bool((reached <= GRADUAL * before).all())
