"""The march at every step with a compressed past: long horizons of stochastic gradients.

The rows are those of `lib.equations.march`, one for each step and exact. Every few steps the past is projected
on fewer coordinates (`lib.horizons.past_moments`) in all matrices, so that a row costs the same, up to logarithms, late
as early, and T steps cost T times that. What the optimizer makes of old gradients is known at the nodes of
the stretches they have become, and goes on from there by the same recursion.
"""

from dataclasses import dataclass, replace

import numpy as np

from lib.equations.consistency import residual
from lib.equations.linear_gaussian import write_symmetric
from lib.equations.march import sweep
from lib.horizons import rounding
from lib.horizons.past_moments import SHORTEST, Past
from lib.horizons.sizes import KNOWN
from lib.status import DIVERGENCE

CAREFUL = 2e-4
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

    `starts` are the accumulations of K (see `lib.horizons.optimizers`), one for each configuration; `cuts` the
    steps at which the schedule of any of them jumps or bends.
    """

    def __init__(self, stack, inputs, starts, cuts, steps, tolerance):
        self.stack, self.inputs, self.accumulations = stack, inputs, starts
        self.axis, self.steps = inputs.axis, steps
        self.past = Past((CAREFUL * tolerance) ** 0.5, cuts)
        self.decay = np.ones((len(starts), self.axis.nodes))
        self.keeps = all(start.recursion.keeps for start in starts)
        self.parts = [*stack.layers, inputs]
        self.matrices = [matrix for part in self.parts for matrix in part.matrices]
        self.losses, self.means, self.residual, self.moved = [], [], None, {}

    def run(self, progress, look):
        """March; return the `Record`. Ends early for lack of room, divergence, or an interrupt.

        `look(inputs, first, stop, longer)` is called now and then with rows that are still single steps, and
        with how many times longer the run will be; the march ends when it is false.
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
        error = self._error(losses) + (self._to_come() if stationary else 0.0)
        means = np.concatenate(self.means[:done], axis=2)
        _, weights = rounding.watched(self.inputs, slice(0, 0))
        return Record(losses, done, stationary, interrupted, error, self.residual, means, weights)

    def _step(self, step):
        due = step > 0 and step % SHORTEST == 0
        rows = self._present() if due else None
        self.past.add(step)
        if step > 0:
            self.accumulations = [accumulation.step() for accumulation in self.accumulations]
        self.decay[:, self.past.count - 1] = [a.initial[0] for a in self.accumulations]
        losses = self._row()
        self.losses.append(losses)
        self.means.append(losses.pop("means"))
        if due and self._compress(step - 1, rows):
            self.moved[step] = self._moved()

    def _row(self):
        """Solve the row of the present step, the last coordinate; return copies of its losses."""
        count, outputs = self.past.count, self.axis.outputs
        now, trained = self.axis.rows(count - 1, count), self.inputs.trained
        rows = np.array([accumulation.columns[0] for accumulation in self.accumulations])
        trained.K[:, now, : now.stop] = np.repeat(rows, outputs, axis=1)[:, None]
        if not self.keeps:
            rows = self.decay[:, count - 1 : count] * self.decay[:, :count]
            rows = np.repeat(np.repeat(rows, outputs, axis=1)[:, None], outputs, axis=1)
            write_symmetric(trained.decay, now, rows)
        sweep(self.stack, self.inputs, now)
        means, _ = rounding.watched(self.inputs, now)
        rows = {name: loss.copy() for name, loss in self.inputs.losses(now).items()}
        return rows | {"means": means}

    def _moved(self):
        """How much the losses of the present step, solved once more, feel that the past has been compressed."""
        return self._change(self._row(), self.losses[-1])

    def _error(self, losses):
        """What compressions have moved the losses by, added up: as much more as losses have risen since.

        Where training leaves the edge of stability for a while, what is small at a loss's lowest grows with it.
        """
        steps, rises = list(self.moved), np.ones(len(self.moved))
        for name in ("excess_loss", "train_loss"):
            rows = losses[name].reshape(len(losses[name]), -1, self.axis.outputs)
            highest = np.maximum.accumulate(rows[:, ::-1], axis=1)[:, ::-1][:, steps]
            size = rows[:, steps] + KNOWN * rows[:, :1]
            rise = np.where(highest < DIVERGENCE, highest / np.maximum(size, 1e-300), 1)
            rises = np.maximum(rises, rise.max(axis=(0, 2)))
        return CAUTIOUS * float(rises @ list(self.moved.values()))

    def _finite(self):
        excess = self.losses[-1]["excess_loss"].sum(-1)
        return bool((excess < DIVERGENCE).any())

    def _show(self, look):
        count, outputs = self.past.count, self.axis.outputs
        first, longer = max(count - SHORTEST, 0), (self.steps + 1) / len(self.losses)
        return look(self.inputs, first * outputs, count * outputs, longer)

    def _vanished(self):
        first, last = (self.losses[i]["train_loss"].sum(-1) for i in (0, -1))
        if len(self.losses) == 1 or not (last <= VANISHED * first).all():
            return False
        starts = self.accumulations
        return self.keeps and all(a.recursion.no_harder_after(a.time) for a in starts)

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

    def _compress(self, step, rows):
        """Project all matrices on fewer coordinates where `rows` (see `_present`), those of `step`, allow it.

        A step has been done since: what it feels, no projection has been fitted to.
        """
        self.past.gather(step)
        before, outputs, ones = self.past.count, self.axis.outputs, self.past.ones
        factors = [a.columns for a in self.accumulations] + [self.decay[:, :before]]
        rows = np.pad(rows, ((0, 0), (0, 1)))
        for projection in self.past.projections(step, rows, np.concatenate(factors)):
            if self.residual is None:
                self.residual = self._violation(projection.count)
            self._on_nodes(projection, ones)
            ones, projection = self.past.ones, projection.each_output(outputs)
            for matrix in self.matrices:
                projection.both(matrix)
            for columns in self.inputs.columns:
                projection.rows(columns)
            self.axis.project(projection)
        return self.past.count < before

    def _on_nodes(self, projection, ones):
        """What the optimizer has made of old gradients, and d, at the nodes after a projection."""
        after = self.past.ones
        self.accumulations = [
            replace(a, columns=projection.values(a.columns, ones, after))
            for a in self.accumulations
        ]
        values = self.decay[:, : projection.count]
        self.decay[:, : projection.left] = projection.values(values, ones, after)

    def _present(self):
        r"""The rows of the present step of all matrices, as functions of the coordinates, [many, count].

        With them go the products that it met halfway: a row of A Q B^T needs of a stretch what A Q is there,
        and though rows of A and of Q be constant, a B that sums over the past makes it grow.
        """
        count, outputs = self.past.count, self.axis.outputs
        now, upto = self.axis.rows(count - 1, count), slice(0, count * outputs)
        rows = [matrix[..., now, upto] for matrix in self.matrices]
        rows += [products for part in self.parts for products in part.halfway]
        rows = np.concatenate([each.reshape(-1, count, outputs) for each in rows])
        rows = np.swapaxes(rows, 1, 2).reshape(-1, count)
        return rows[np.isfinite(rows).all(1)]
