"""The march at every step with a compressed past: long horizons of stochastic gradients.

The rows are those of `lib.equations.march`, one for each step and exact. Every few steps the past is projected
on fewer coordinates (`lib.horizons.past_moments`) in all matrices, so that a row costs the same, up to logarithms, late
as early, and T steps cost T times that.
"""

from dataclasses import dataclass

import numpy as np

from lib.equations.consistency import residual
from lib.equations.march import sweep
from lib.horizons import rounding
from lib.horizons.panel_errors import KNOWN
from lib.horizons.past_moments import SHORTEST, Past
from lib.status import DIVERGENCE

CAREFUL = 1e-3
"""Part of the tolerance that the square of what a projection cuts off may be."""

CAUTIOUS = 10
"""Factor between what compressions move the losses of their own step by, added up, and what is reported."""


VANISHED = 1e-15
"""A training loss that has fallen to this part of the first one is rounding errors, and ends the march.

What is learned from then on is proportional to it.
"""


@dataclass(frozen=True)
class Record:
    """What a march with a compressed past leaves behind.

    Attributes
    ----------
    losses : dict of [batch, rows]
        By name, for all steps that were done (times C outputs).
    done : int
        Number of steps, step 0 among them.
    stationary : bool
        Whether all losses vanished there.
    interrupted : bool
        Whether it ended by a keyboard interrupt.
    error : float
        Estimated relative error of the losses.
    residual : [batch]
        Violation of the closed equations by the first steps, before anything was compressed.
    means, weights : [batch, modes, done], [modes]
        See `lib.horizons.rounding.watched`.
    """

    losses: dict
    done: int
    stationary: bool
    interrupted: bool
    error: float
    residual: np.ndarray
    means: np.ndarray
    weights: np.ndarray


class CompressedMarch:
    """Fills rows of `stack` and `inputs` step by step, up to step `steps`.

    `impulses` [batch, lag + 1] is K(t, s) by t - s, constant from `lag` on; the weights do not decay.
    """

    def __init__(self, stack, inputs, impulses, steps, tolerance):
        self.stack, self.inputs, self.impulses = stack, inputs, impulses
        self.axis, self.steps = inputs.axis, steps
        self.past = Past(allowed=(CAREFUL * tolerance) ** 0.5)
        self.distance = max(SHORTEST, impulses.shape[1] - 1)
        parts = [*stack.layers, inputs]
        self.matrices = [matrix for part in parts for matrix in part.matrices]
        self.losses, self.means, self.residual, self.error = [], [], None, 0.0

    def run(self, progress, look):
        """March; return the `Record`. Ends early for lack of room, divergence, or an interrupt.

        `look(inputs, first, stop)` is called now and then with rows that are still single steps; the
        march ends when it is false.
        """
        stationary, interrupted, done = False, False, 0
        with np.errstate(all="ignore"):
            try:
                while done <= self.steps and self.past.count < self.axis.nodes:
                    self._step(done)
                    done += 1
                    if (
                        done % SHORTEST == 0
                        and (done & (done - 1) == 0 or done + SHORTEST > self.steps)
                        and not self._show(look)
                    ):
                        break
                    if progress is not None:
                        progress(done, self.steps + 1)
                    stationary = self._vanished()
                    if stationary or not self._finite():
                        break
            except KeyboardInterrupt:
                interrupted = True
        if self.residual is None:
            self.residual = self._violation(self.past.count)
        losses = {
            name: np.concatenate([entry[name] for entry in self.losses[:done]], axis=1)
            for name in self.losses[0]
        }
        error = CAUTIOUS * self.error + (self._to_come() if stationary else 0.0)
        means = np.concatenate(self.means[:done], axis=2)
        _, weights = rounding.watched(self.inputs, slice(0, 0))
        return Record(losses, done, stationary, interrupted, error, self.residual, means, weights)

    def _step(self, step):
        if step > 0 and step % SHORTEST == 0 and self._compress(step - 1):
            self.error += self._moved(step - 1)
        losses = self._row(step, self.past.count)
        self.past.add(step)
        self.losses.append(losses)
        self.means.append(losses.pop("means"))

    def _row(self, step, count):
        """Solve the row of `step`, after `count` coordinates of earlier ones; return copies of its losses."""
        now = self.axis.rows(count, count + 1)
        ages = np.minimum(self.past.ages(step)[:count], self.impulses.shape[1] - 1)
        K = self.inputs.trained.K
        K[:, now, : now.start] = np.repeat(self.impulses[:, None, ages], self.axis.outputs, axis=2)
        K[:, now, now] = 0
        sweep(self.stack, self.inputs, now)
        means, _ = rounding.watched(self.inputs, now)
        rows = {name: loss.copy() for name, loss in self.inputs.losses(now).items()}
        return rows | {"means": means}

    def _moved(self, step):
        """How much the losses of `step`, solved once more, feel that the past before it has been compressed."""
        return self._change(self._row(step, self.past.count - 1), self.losses[-1])

    def _finite(self):
        excess = self.losses[-1]["excess_loss"].sum(-1)
        return bool((excess < DIVERGENCE).any())

    def _show(self, look):
        count, outputs = self.past.count, self.axis.outputs
        return look(self.inputs, max(count - SHORTEST, 0) * outputs, count * outputs)

    def _vanished(self):
        first, last = (self.losses[i]["train_loss"].sum(-1) for i in (0, -1))
        return len(self.losses) > 1 and bool((last <= VANISHED * first).all())

    def _to_come(self):
        """What losses may still change by, once training has vanished: no more than in its last eighth.

        Where training falls exponentially by the factor `VANISHED`, the weights have a tenth of that to go.
        """
        return self._change(self.losses[-1], self.losses[-1 - len(self.losses) // 8])

    def _change(self, new, old):
        """Largest difference of two steps' losses, as `error` counts it."""
        worst = 0.0
        for name in ("excess_loss", "train_loss"):
            size = np.abs(old[name]) + KNOWN * self.losses[0][name]
            off = np.abs(new[name] - old[name]) / np.maximum(size, 1e-300)
            worst = max(worst, float(off[np.isfinite(off)].max(initial=0)))
        return worst

    def _violation(self, count):
        return residual(self.stack, self.inputs, count * self.axis.outputs)

    def _compress(self, step):
        """Project all matrices on fewer coordinates where the rows of `step` allow it."""
        self.past.gather(step, self.distance)
        before, outputs = self.past.count, self.axis.outputs
        for projection in self.past.projections(step, self._present()):
            if self.residual is None:
                self.residual = self._violation(projection.count)
            projection = projection.each_output(outputs)
            for matrix in self.matrices:
                projection.both(matrix)
            for columns in self.inputs.columns:
                projection.rows(columns)
            self.axis.project(projection)
        return self.past.count < before

    def _present(self):
        """The rows of the last step of all matrices, as functions of the coordinates, [many, count]."""
        count, outputs = self.past.count, self.axis.outputs
        now, upto = self.axis.rows(count - 1, count), slice(0, count * outputs)
        rows = [matrix[..., now, upto].reshape(-1, count, outputs) for matrix in self.matrices]
        rows = np.swapaxes(np.concatenate(rows), 1, 2).reshape(-1, count)
        return rows[np.isfinite(rows).all(1)]
