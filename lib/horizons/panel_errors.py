r"""How wrong a march on nodes is, asked of each panel it keeps.

The value of a field at a panel's start is known, and is no node of the panel: how far the panel's polynomial
misses it is an error of interpolation that is seen, not extrapolated from coefficients. Elsewhere the error is
smaller in proportion to the polynomial w that vanishes at the nodes, $|w(t) / w(t_0)|$. Losses between
nodes are off by this, or by what their coefficients say where that is more; and so are the fields whose sums
over the panel move the weights.
"""

import numpy as np

from lib.horizons.first_steps import FirstSteps
from lib.horizons.sizes import KNOWN

POINTS = 200
"""Times of a panel at which errors of interpolation are looked for, at most."""

FIRST_STEPS = 0.01
"""Weight of the error of a panel's first steps, which a tolerance does not bound but should not exceed by far."""

CAUTIOUS = 3
"""Factor between the panels' errors and what is reported."""

SCATTER = 0.3
"""Standard deviation of what cancellation leaves, in units of its bound: measured, a third of this or less."""


class PanelErrors:
    """Adds up the errors of panels that are kept: `march` is a `lib.horizons.node_march.NodeMarch`."""

    def __init__(self, march):
        self.march, self.first_steps = march, FirstSteps(march)
        self.between, self.carried = 0.0, 0.0

    @property
    def total(self):
        """Estimated relative error of the losses: errors between nodes end there, those of fields are kept."""
        return CAUTIOUS * (self.between + self.carried)

    def unresolved(self, panel, now, blur):
        """Largest error of interpolation in a panel that has been solved, of the losses and of all correlations.

        Losses count relative to themselves, or to what is left of them by cancellation; correlations
        relative to the sizes of their two fields. Forward fields that the sweeps have left blurred have
        been seen not to move the losses. What oscillates between nodes looks smooth on them, and is seen
        by the first steps alone.
        """
        worst = self._losses_unresolved(panel, now)
        for curves, size in self.march.sizes.correlations(now, now, blur):
            worst = max(worst, panel.unresolved(curves, size))
        if self.march.in_steps:
            worst = max(worst, FIRST_STEPS * self.first_steps.threat(panel, now))
        return worst

    def _losses_unresolved(self, panel, now):
        march, sizes = self.march, self.march.sizes
        losses = sizes.losses_by_output(now)
        lowest = np.maximum(losses.min(-1), sizes.known())
        size = np.minimum(losses.max(-1) + sizes.loss_floor(), lowest)
        cancelled = march.inputs.cancelled / march.tolerance * sizes.first_loss()
        return panel.unresolved(losses, np.maximum(size, cancelled))

    def add(self, panel, now, blur, left):
        """Note `panel` with the rows `now`.

        `blur` is how much more the last sweep changed than it should; `left` is what further sweeps
        would change the losses by.
        """
        march = self.march
        wide = slice(now.start - march.axis.outputs, now.stop)
        losses = march.sizes.losses_by_output(wide)
        first = march.sizes.losses_by_output(march.axis.rows(0, 1))
        missed = self._beyond_noise(panel, _missed(panel, losses))
        times = _times(panel, march.in_steps)
        size = np.abs(losses[..., 1:] @ panel.sample(times).T) + KNOWN * first
        here = missed[..., None] * np.abs(_vanishing(panel, times) / _vanishing(panel, panel.start))
        here = max(float((here / size).max()), self._losses_unresolved(panel, now))
        self.between = max(self.between, here)
        worst = 0.0
        for curves, size in march.sizes.correlations(wide, now, blur):
            worst = max(worst, float(np.max(_missed(panel, curves) / np.where(size > 0, size, 1))))
        self.carried += worst + self._first_steps_missed(panel, now) + left

    def begin(self, time):
        """Before a panel that starts at `time` is filled."""
        if self.march.in_steps:
            self.first_steps.take(time)

    def _first_steps_missed(self, panel, now):
        return self.first_steps.missed(panel, now) if self.march.in_steps else 0.0

    def _beyond_noise(self, panel, missed):
        """What the noise of cancellation does not explain of `missed`.

        The value at the start is extrapolated, on short panels of steps with weights that are large and
        alternate: independent errors of the nodes add up to the root of the sum of their squares. Inside
        the panel they are not extrapolated, and are part of `error` already.
        """
        noise = SCATTER * self.march.inputs.cancelled * self.march.sizes.first_loss()
        weights = panel.sample([panel.start])[0]
        return np.maximum(missed - noise * np.linalg.norm(weights), 0)


def _missed(panel, values):
    """How far the polynomial through `values` [.., 1:] misses that at the start, [..]."""
    return np.abs(values[..., 1:] @ panel.sample([panel.start])[0] - values[..., 0])


def _times(panel, in_steps):
    """Where losses are asked for: steps, or any times."""
    if in_steps and panel.stop - panel.start <= POINTS:
        return np.arange(panel.start + 1, panel.stop + 1)
    return np.linspace(panel.start, panel.stop, POINTS + 1)[1:]


def _vanishing(panel, times):
    """The polynomial that vanishes at the nodes."""
    away = np.subtract.outer(np.asarray(times, float), panel.nodes)
    return np.prod(away / (panel.stop - panel.start), axis=-1)
