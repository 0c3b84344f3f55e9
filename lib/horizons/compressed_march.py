"""The march at every step with a compressed past: long horizons of stochastic gradients.

The rows are those of `lib.equations.march`, one for each step. Every few steps the past is projected on
fewer coordinates (`lib.horizons.past_moments`) in all matrices, so that a row costs the same, up to logarithms,
late as early, and T steps cost T times that. What the optimizer makes of old gradients is known at the nodes of
the stretches they have become, and goes on from there by the same recursion.

What alternates from step to step and is too small for the tolerance is lost with the past, and grows from there
if steps are unstable: so from time to time a few steps more are taken, to see whether they are
(`lib.horizons.stability`).
"""

from dataclasses import replace

import numpy as np

from lib.equations.consistency import residual
from lib.equations.linear_gaussian import write_symmetric
from lib.equations.march import sweep
from lib.horizons import rounding
from lib.horizons.compressed_record import Record
from lib.horizons.compression_errors import CompressionErrors, change
from lib.horizons.past_moments import SHORTEST, Past
from lib.horizons.stability import MOST_STEPS, Stability
from lib.status import DIVERGENCE

CAREFUL = 2e-4
"""Part of the tolerance that the square of what a projection cuts off may be."""

FIRST_LOOK = 4 * SHORTEST
"""Steps after which the first look is taken whether they are stable; then after a quarter more, and so on.

After twice as many where the noise of fresh batches is all that can be made grow.
"""

VANISHED = 1e-15
"""A training loss that has fallen to this part of the first one is rounding errors, and ends the march.

What is learned from then on is proportional to it.
"""


class CompressedMarch:
    """Fills rows of `stack` and `inputs` step by step, up to step `steps`.

    `starts` are the accumulations of K (see `lib.horizons.optimizers`), one for each configuration; `cuts` the
    steps at which the schedule of any of them jumps or bends. The axis has room for `MOST_STEPS` rows more
    than are to be used: looks take them. `full` tells that the run has ended for lack of room.
    """

    def __init__(self, stack, inputs, starts, cuts, steps, tolerance):
        self.stack, self.inputs, self.accumulations = stack, inputs, starts
        self.axis, self.steps, self.tolerance = inputs.axis, steps, tolerance
        self.most = self.axis.nodes - MOST_STEPS
        self.stability, self.looked, self.looks = Stability(self), 0, self._looks(cuts)
        self.past = Past((CAREFUL * tolerance) ** 0.5, cuts)
        self.decay = np.ones((len(starts), self.axis.nodes))
        self.keeps = all(start.recursion.keeps for start in starts)
        self.parts = [*stack.layers, inputs]
        self.matrices = [matrix for part in self.parts for matrix in part.matrices]
        self.losses, self.means, self.residual = [], [], None
        self.errors, self.full = CompressionErrors(cuts), False

    def run(self, progress, look):
        """March; return the `Record`. Ends early for lack of room, divergence, or an interrupt.

        `look(inputs, first, stop, longer)` is called now and then, and at the end, with rows that are still single
        steps, and with how many times longer the run will be; the march ends when it is false.
        """
        stationary, interrupted, unstable, done = False, False, False, 0
        with np.errstate(all="ignore"):
            try:
                while done <= self.steps and self.past.count < self.most:
                    self._step(done)
                    done += 1
                    powers = done % SHORTEST == 0 and done & (done - 1) == 0
                    if powers and not self._show(look, (self.steps + 1) / done):
                        break
                    if done in self.looks and not self._stable(done):
                        unstable, done = True, self.looked
                        break
                    if progress is not None:
                        progress(done, self.steps + 1)
                    stationary = self._vanished()
                    if stationary or not self._finite():
                        break
                else:
                    self.full = done <= self.steps
                if not unstable:
                    self._show(look)
            except KeyboardInterrupt:
                interrupted = True
        if self.residual is None:
            self.residual = self._violation(self.past.count)
        losses = {
            name: np.concatenate([entry[name] for entry in self.losses[:done]], axis=1)
            for name in self.losses[0]
        }
        means = np.concatenate(self.means[:done], axis=2)
        _, weights = rounding.watched(self.inputs, slice(0, 0))
        by_output = {
            name: losses[name].reshape(len(means), done, -1)
            for name in ("excess_loss", "train_loss")
        }
        error, lost = self.errors.judge(by_output, means, weights)
        error = self.stability.amplified * error + (self._to_come() if stationary else 0.0)
        ended = stationary, interrupted, unstable
        return Record(losses, done, *ended, error, lost, self.residual, means, weights)

    @property
    def count(self):
        """Number of coordinates. Looks go back to fewer."""
        return self.past.count

    @count.setter
    def count(self, count):
        self.past.forget(count)

    def step(self, start):
        """Take the step after `start`, in a row of its own; return copies of its losses."""
        self.past.add(start + 1)
        self.accumulations = [accumulation.step() for accumulation in self.accumulations]
        return self._row()

    def _step(self, step):
        if step > 0:
            losses = self.step(step - 1)
        else:
            self.past.add(0)
            losses = self._row()
        self.losses.append(losses)
        self.means.append(losses.pop("means"))
        if step > 0 and step % SHORTEST == 0 and self._compress(step - 1):
            self._note(step)
        if step % SHORTEST == SHORTEST - 1:
            self.rows = self._present()

    def _looks(self, cuts):
        """After how many steps to look whether they are stable: at the end, where rates are largest, and between."""
        looks, look = {self.steps + 1}, FIRST_LOOK
        while look <= self.steps:
            looks.add(look)
            look += look if self.inputs.regime.white else max(look // 4, 2 * SHORTEST)
        for start in self.accumulations:
            rates = np.abs(start.recursion.f).max(1)
            rising = [cut for cut in cuts if 0 < cut < len(rates) and rates[cut] > rates[cut - 1]]
            looks.update(step + 2 for step in (*rising, int(rates.argmax())))
        return looks

    def _stable(self, done):
        """Whether to go on: what compressions have lost has not been made grow, or not beyond noise.

        Noise that is new at each step excites anew what has been lost. What then grows is bounded by it, but unseen.
        """
        if not self.errors.losses:
            return True
        self.looked = self.looked or min(self.errors.losses)
        stable, white = self.stability.keeps(done - self.looked), self.inputs.regime.white
        if white and (self.stability.growth > 0 or not stable):
            self.errors.unseen = self.tolerance
        self.looked = done if stable or white else self.looked
        return stable or white

    def _row(self):
        """Solve the row of the present step, the last coordinate; return copies of its losses."""
        self.decay[:, self.past.count - 1] = [a.initial[0] for a in self.accumulations]
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

    def _note(self, step):
        """Solve the present step once more, and note what feels that the past has been compressed."""
        before = self.losses[-1] | {"means": self.means[-1]}
        self.errors.note(step, self._row(), before, self.losses[0])

    def _finite(self):
        excess = self.losses[-1]["excess_loss"].sum(-1)
        return bool((excess < DIVERGENCE).any())

    def _show(self, look, longer=1.0):
        count, outputs = self.past.count, self.axis.outputs
        first = max(count - SHORTEST, 0)
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
        return change(self.losses[-1], self.losses[-1 - len(self.losses) // 8], self.losses[0])

    def _violation(self, count):
        return residual(self.stack, self.inputs, count * self.axis.outputs)

    def _compress(self, step):
        """Project all matrices on fewer coordinates where the rows of `step` (see `_present`) allow it.

        A step has been done since: what it feels, no projection has been fitted to.
        """
        self.past.gather(step)
        before, outputs, ones = self.past.count, self.axis.outputs, self.past.ones
        factors = [a.columns for a in self.accumulations] + [self.decay[:, :before]]
        rows = np.pad(self.rows, ((0, 0), (0, 1)))
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
