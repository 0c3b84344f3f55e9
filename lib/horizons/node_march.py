r"""The march on few nodes in time: long horizons and gradient flow.

Training slows down, so the fields are smooth on panels that grow with time. Inside a panel K is not
strictly causal, and the rows of a panel are solved together: sweeps over the panel are repeated, with
Anderson acceleration, until nothing changes. A panel is kept if the sweeps settle and the fields are
resolved by its nodes; otherwise it is tried again, shorter. Steps that cannot be bridged (a mode that
oscillates from step to step, say) are kept one by one.
"""

import numpy as np

from lib.equations.linear_gaussian import write_causal, write_symmetric
from lib.equations.march import sweep
from lib.horizons.anderson import AndersonAnew
from lib.horizons.block import Block, forget
from lib.horizons.feedback import Feedback
from lib.horizons.node_record import NodeRecord
from lib.horizons.nodes import Panel
from lib.horizons.panel_errors import PanelErrors
from lib.horizons.remainder import remainder
from lib.horizons.sizes import Sizes
from lib.horizons.stability import MOST_STEPS, Stability
from lib.horizons.stationary import Rest
from lib.status import DIVERGENCE

NODES, FEW_NODES = 16, 10
"""Nodes of a panel: two for each digit of the tolerance, within these bounds."""

FEW_STEPS = 60
"""Up to so many steps panels save nothing, and each is kept."""

SETTLED = 0.03
"""Part of the tolerance by which a sweep may still change a panel: what is left is a kink at its end."""

FINEST = 1e-11
"""Changes below this are rounding errors, whatever the tolerance: sweeps would stir for ever."""

QUIET = 12
"""Sweeps that must leave the losses alone if they do not let the fields rest."""

NOISY = 10
"""Changes of the losses by this factor more count as noise, and as an error, if many sweeps do not end them."""

SWEEPS = 120
"""A panel that has not settled after so many sweeps, all remembered, is tried again, shorter."""

EASY = 32
"""Panels that need more sweeps are followed by relatively shorter ones, though at least doubled."""

MOST_GROWTH, EAGERNESS = 3.5, 1.6
"""A panel is longer than the last, if that was resolved with ease, by a factor; and by how much that may rise."""

AIM = 0.1
"""Part of the tolerance that a panel's error should be."""

LOOSEST = 1e-6
"""A looser tolerance is no cheaper, and sweeps that end early leave panels that cannot be joined."""


class NodeMarch:
    """Fills rows of `stack` and `inputs` at nodes up to time `end`.

    `starts` are the accumulations of K (see `lib.horizons.optimizers`), one for each configuration. The axis has
    room for `MOST_STEPS` rows more than are to be used: looks take them.
    """

    def __init__(self, stack, inputs, starts, end, tolerance):
        self.stack, self.inputs = stack, inputs
        self.axis, self.trained = inputs.axis, inputs.trained
        self.most = self.axis.nodes - MOST_STEPS
        self.accumulations, self.in_steps = starts, starts[0].in_steps
        tolerance = min(tolerance, LOOSEST)
        self.end, self.tolerance = end, tolerance
        self.nodes = int(np.clip(round(-2 * np.log10(tolerance)), FEW_NODES, NODES))
        self.decay = np.ones((len(starts), self.axis.nodes))
        self.times = np.zeros(self.axis.nodes)
        self.sizes = Sizes(stack, inputs, tolerance)
        self.panels, self.errors, self.count = [], PanelErrors(self), 1
        self.sweeps, self.left = 0, 0.0
        self.rest, self.stability, self.unstable = Rest(self), Stability(self), False

    def run(self, progress=None):
        """March; return the `NodeRecord`. Ends early for lack of room, divergence, or an interrupt."""
        time, stationary, interrupted = 0, False, False
        with np.errstate(all="ignore"):
            sweep(self.stack, self.inputs, self.axis.rows(0, 1))
            try:
                for time, stationary in self._stretches():
                    if progress is not None:
                        progress(time, self.end)
                    if stationary or not self._finite():
                        break
            except KeyboardInterrupt:
                interrupted = True
        reached = int(time) if self.in_steps else float(time)
        return NodeRecord(
            self.times[: self.count],
            self.panels,
            reached,
            stationary,
            interrupted,
            self.unstable,
            self.errors.total * self.stability.amplified + self.rest.to_come,
            not self.in_steps,
            not (interrupted or stationary) and self._finite() and time < self.end and self._full(),
        )

    def _stretches(self):
        """Solve stretch after stretch; yield the time reached and whether all is stationary there."""
        time, singles, growth, most_growth = 0, NODES, EAGERNESS, MOST_GROWTH
        shortest = 2 * NODES if self.in_steps else 1e-14 * self.end
        length = shortest if self.in_steps else 0.05 / self.inputs.eigenvalues.max()
        if self.in_steps:
            time = self._single_steps(0, singles if self.end > FEW_STEPS else int(self.end))
            yield time, False
        while time < self.end and not self._full():
            stop = self.end if time + 1.3 * length >= self.end else time + length
            stop, new = self.accumulations[0].smooth_until(stop, AIM * self.tolerance)
            panel = self.accumulations[0].make_panel(time, stop, self.nodes)
            if self.in_steps and (panel is None or stop - time <= NODES):
                time = self._single_steps(time, stop - time)
                length = shortest if new else length
                yield time, False
                continue
            error = self._try(panel)
            room = (AIM * self.tolerance / max(error, 1e-300)) ** (1 / len(panel.nodes))
            if error < self.tolerance:
                time, singles = panel.stop, NODES
                calm = max(growth * EASY / self.sweeps, 2.0)
                growth = min(growth * min(room, EAGERNESS), most_growth, calm)
                length = shortest if new else max(length * growth, shortest)
                yield time, time < self.end and self.rest.reached(time)
            elif length > shortest:
                if error == np.inf:  # too bold, and would be so again
                    most_growth = max(growth / EAGERNESS, 2.0)
                growth = 1.0
                length = max(length * max(room, 0.4), shortest)
            elif self.in_steps and not self.unstable:
                time = self._single_steps(time, singles)
                singles *= 2
                yield time, False
            else:
                return

    def _full(self):
        return self.count + NODES > self.most

    def _finite(self):
        last = self.axis.rows(self.count - 1, self.count)
        excess = np.einsum("bii->b", self.inputs.C_v[:, last, last])
        return bool((excess < DIVERGENCE).any())

    def _fill(self, panel):
        """Write times and rows of K and d.

        Returns the panel's rows and the accumulations after it.
        """
        nodes = slice(self.count, self.count + len(panel.nodes))
        now = self.axis.rows(nodes.start, nodes.stop)
        self.axis.reach = max(self.axis.reach, now.stop - now.start)
        self.times[nodes] = panel.nodes
        following = []
        for b, accumulation in enumerate(self.accumulations):
            K, self.decay[b, nodes], after = accumulation.rows(panel)
            outer = np.outer(self.decay[b, nodes], self.decay[b, : nodes.stop])
            write_causal(self.trained.K[b], now, self.axis.expand(K))
            write_symmetric(self.trained.decay[b], now, self.axis.expand(outer))
            following.append(after)
        return now, following

    def _single_steps(self, start, count):
        """Keep up to `count` steps after `start`, one row each; return the time reached."""
        stop = int(min(start + count, self.end, start + self.most - self.count))
        for step in range(start, stop):
            self.step(step)
            if not self._finite():
                return step + 1
        return stop

    def step(self, start):
        """Solve one step more, in a row of its own."""
        now, self.accumulations = self._fill(Panel(start, start + 1, np.array([start + 1.0])))
        sweep(self.stack, self.inputs, now)
        self.count += 1

    def _try(self, panel):
        """Solve a panel and, if its error is below the tolerance, keep it; return the error."""
        before = self.count
        self.errors.begin(panel.start)
        now, following = self._fill(panel)
        self.stack.extend(now, self.inputs)
        self.inputs.extend(now)
        error = self._solved(panel, now, following)
        if self.count == before:
            forget(self.stack, self.inputs, now)
        return error

    def _solved(self, panel, now, following):
        try:
            blur = self._settle(now)
        except np.linalg.LinAlgError:  # an overflow on the way
            blur = np.inf
        if blur == np.inf:
            return np.inf
        error = self.errors.unresolved(panel, now, blur)
        if error < self.tolerance:
            before = self.count, self.accumulations
            self.count, self.accumulations = self.count + len(panel.nodes), following
            length = panel.stop - panel.start
            self.unstable = self.in_steps and not self.stability.keeps(length)
            if self.unstable:
                self.count, self.accumulations = before
                return np.inf
            self.panels.append(panel)
            self.errors.add(panel, now, blur, self.left)
        return error

    def _settle(self, now):
        """Repeat the sweep over a panel until nothing changes, or the losses do not, sweep after sweep.

        Returns how large the last change was in units of that which is allowed, at least 1: rounding
        stirs forward fields that have almost vanished. Infinite if that failed. `left` is what the
        losses would still change by if sweeps go on to converge.
        """
        block = Block(
            self.stack, self.inputs, now, self.sizes.forward_floor(now), self.sizes.loss_floor()
        )
        feedback = Feedback(self.inputs, now)
        accelerated = AndersonAnew(len(self.accumulations), SWEEPS)
        x, losses = block.read(), self.sizes.losses(now)
        accuracy = max(SETTLED * self.tolerance, FINEST)
        scale, quiet, noise, moves = block.scale(x), 0, 0, []
        for self.sweeps in range(1, SWEEPS + 1):
            feedback.keep()
            sweep(self.stack, self.inputs, now)
            feedback.sum_up()
            image, previous, losses = block.read(), losses, self.sizes.losses(now)
            if not np.isfinite(image).all():
                return np.inf
            change = (np.abs(image - x) / block.scale(image)).max()
            difference = np.abs(losses - previous)
            moved = (difference / (np.abs(losses) + self.sizes.loss_floor())).max()
            moves.append((difference / (np.abs(losses) + self.sizes.known())).max())
            self.left = remainder(moves)
            calm = change < accuracy**0.5
            quiet = quiet + 1 if calm and moved < accuracy else 0
            noise = noise + 1 if calm and moved < NOISY * accuracy else 0
            if noise > 2 * QUIET:
                self.left = max(moves[-noise:])
            stuck = accelerated.stirs(change) or self.sweeps == SWEEPS
            settled = (quiet > 0 and change < accuracy) or (quiet > QUIET and stuck)
            if settled or noise > 2 * QUIET:
                return max(change / accuracy, 1.0)
            x = scale * accelerated.next(x / scale, image / scale)
            block.write(x)
        return np.inf
