"""A live figure at one setting, drawn by matplotlib from `lib.solve`.

It is what a running notebook shows after each move, and what stands in a page, or in a notebook that was
executed for one, where nothing moves: without JavaScript, without a kernel, on paper.
"""

import base64
import html
import io

import numpy as np

from lib.pictures import plots
from lib.problem.training import GradientDescent
from lib.questions.weight_outliers import bulk_density, weight_outliers
from lib.theory.solve import solve


class Picture:
    """Draws the settings of one live figure.

    Attributes
    ----------
    solution : Solution or None
        The theory of the learning curves drawn last.
    """

    def __init__(self, live, grid):
        self.live, self.grid = live, grid
        self.solution = None
        self._bowls = {}

    def element(self, state, runs=None):
        """An <img> of `state`, with networks if `runs` are given."""
        with plots.plt.rc_context(plots.STYLE):
            figure = self._draw(state, runs)
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=figure.dpi)
        plots.plt.close(figure)
        source = base64.b64encode(picture.getvalue()).decode()
        return f'<img alt="{html.escape(self.live.alt)}" src="data:image/png;base64,{source}">'

    def _draw(self, state, runs):
        matrices = state["depth"] * self.live.spikes
        panels = bool(self.live.losses) + 2 * self.live.bowl + matrices
        size = (max(7.0, 4.2 * panels), 3.8)
        figure, axes = plots.plt.subplots(1, panels, figsize=size, squeeze=False)
        axes = list(axes[0])
        if self.live.losses:
            self._draw_curves(axes.pop(0), state, runs)
        if self.live.bowl:
            self._draw_bowls(axes[:2], state)
        if self.live.spikes:
            self._draw_spectra(axes[-matrices:], state)
        return figure

    def _draw_curves(self, ax, state, runs):
        self.solution = solve(*self.live.problem(state), keep_matrices=False)
        for loss, color in zip(self.live.losses, plots.PALETTE, strict=False):
            label = loss.replace("_", " ")
            plots.compare(ax, self.solution, runs, loss=loss, label=label, color=color)
        _logarithmic(ax)
        ax.set(xlabel="step $t$", ylabel="loss", title="Learning curves")
        ax.legend()

    def _draw_bowls(self, axes, state):
        rates = self.grid["learning_rates"]
        colors = plots.shades(len(self.grid["widths"]))
        for parameterization, ax in zip(("mean-field", "ntk"), axes, strict=True):
            for color, width in zip(colors, self.grid["widths"], strict=True):
                end = self.bowl(state, parameterization, width)
                plots.theory(ax, rates, end, label=rf"$\nu = {width}$", color=color)
                plots.optimum(ax, rates, end, color=color)
            _logarithmic(ax)
            ax.axvline(state["learning_rate"], color="gray", linestyle=":")
            ax.set(xscale="log", title=parameterization)
            ax.set(xlabel=r"learning rate $\eta$", ylabel="test loss at the end")
            ax.legend()

    def _draw_spectra(self, axes, state):
        found = weight_outliers(*self.live.problem(state), state["steps"])
        for l, ax in enumerate(axes):
            z = np.linspace(*found.edges[0, l], 201)[1:-1]
            density = bulk_density(z, found.edges[0, l])
            plots.theory(ax, z, density, label="bulk", color=plots.PALETTE[0])
            for outlier in found.upper[0, l][np.isfinite(found.upper[0, l])]:
                plots.theory(ax, [outlier] * 2, [1e-3, 1], label="outlier", color=plots.PALETTE[1])
            ax.set(yscale="log", xlabel="singular value", ylabel="density", title=f"$W^{l}$")
            ax.legend()

    def bowl(self, state, parameterization, width):
        """Test loss after the last step at every learning rate; moves that leave it alone are many."""
        changed = {"parameterization": parameterization, "width": width}
        network, data, _ = self.live.problem(state | changed)
        key = network, data.samples, data.batch, data.noise, state["bowl_steps"]
        if key not in self._bowls:
            trainings = [
                GradientDescent(state["bowl_steps"], rate) for rate in self.grid["learning_rates"]
            ]
            curves = solve(network, data, trainings, keep_matrices=False)
            self._bowls[key] = curves.test_loss[:, -1]
        return self._bowls[key]


def _logarithmic(ax):
    """A logarithmic axis of losses, where there is a loss to be seen; a word where all have diverged."""
    drawn = np.concatenate([np.asarray(line.get_ydata(), float) for line in ax.lines])
    if (np.isfinite(drawn) & (drawn > 0)).any():
        ax.set_yscale("log")
    else:
        ax.text(0.5, 0.5, "diverges throughout", transform=ax.transAxes, ha="center")
