"""Live figures in a running notebook: ipywidgets whose every move calls `lib.solve`."""

import base64
import html
import io
import math

import ipywidgets as widgets

from lib import plots
from lib.live import BOWL, CHOICES, LiveFigure
from lib.solver import solve
from lib.training import GradientDescent

LABELS = {
    "depth": "depth L",
    "width": "width ν",
    "richness": "richness γ₀",
    "parameterization": "parameterization",
    "data": "gradients from",
    "samples": "samples α",
    "batch": "batch α_B",
    "noise": "label noise σ",
    "learning_rate": "learning rate η",
    "steps": "steps T",
    "bowl_steps": "steps of the bowl",
    "dim": "networks: D",
    "seeds": "networks: how many",
}
COUNTS = ("depth", "steps", "bowl_steps")

PER_DECADE = 20
"""Positions per factor of ten of a logarithmic slider."""


def control(field, offered, value):
    """The slider or menu of one field."""
    look = {
        "description": LABELS[field],
        "style": {"description_width": "9em"},
        "layout": widgets.Layout(width="24em"),
    }
    if field in CHOICES:
        return widgets.Dropdown(options=list(offered), value=value, **look)
    low, high = offered
    look |= {"value": value, "continuous_update": False}
    if field in COUNTS:
        return widgets.IntSlider(min=low, max=high, **look)
    if field == "noise":
        return widgets.FloatSlider(min=low, max=high, step=0.05, **look)
    return widgets.FloatLogSlider(
        min=math.log10(low), max=math.log10(high), step=1 / PER_DECADE, readout_format=".3g", **look
    )


class LiveWidget:
    """A live figure made of widgets.

    Attributes
    ----------
    view : ipywidgets.Widget
        What is displayed.
    controls : dict
        The widget of each field in the figure's sliders.
    solution : Solution or None
        The theory on the screen.
    runs : Runs or None
        The networks on the screen; a move of a slider takes them away.
    """

    def __init__(self, live: LiveFigure):
        self.live, self.state = live, dict(live.state)
        self.solution = self.runs = None
        self._bowls = {}
        self.controls = {
            field: control(field, offered, self.state[field])
            for field, offered in live.sliders.items()
        }
        for field, widget in self.controls.items():
            widget.observe(lambda change, field=field: self._moved(field, change["new"]), "value")
        self.picture, self.words = widgets.HTML(), widgets.HTML()
        self.train = widgets.Button(description="Train networks", disabled=not live.losses)
        self.train.on_click(lambda button: self._train())
        grid = widgets.GridBox(
            list(self.controls.values()),
            layout=widgets.Layout(grid_template_columns="repeat(auto-fit, 25em)"),
        )
        self.view = widgets.VBox([grid, self.train, self.picture, self.words])
        self._redraw()

    def _moved(self, field, value):
        self.state[field] = value
        self.runs = None
        self._redraw()

    def _train(self):
        seeds = max(2, self.state["seeds"])
        self.words.value = f"Training {seeds} networks …"
        # Only now: torch takes longer to import than the theory to solve.
        from lib.simulator import simulate

        self.runs = simulate(
            *self.live.problem(self.state), dim=self.state["dim"], seeds=seeds, progress=False
        )
        self._redraw()

    def _redraw(self):
        for field, widget in self.controls.items():
            hidden = field in ("samples", "batch") and field != self.state["data"]
            widget.layout.display = "none" if hidden else None
        with plots.plt.rc_context(plots.STYLE):
            figure = self._draw()
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=figure.dpi)
        plots.plt.close(figure)
        source = base64.b64encode(picture.getvalue()).decode()
        self.picture.value = (
            f'<img alt="{html.escape(self.live.alt)}" src="data:image/png;base64,{source}">'
        )

    def _draw(self):
        panels = bool(self.live.losses) + 2 * self.live.bowl
        size = (max(7.0, 4.2 * panels), 3.8)
        figure, axes = plots.plt.subplots(1, panels, figsize=size, squeeze=False)
        axes = list(axes[0])
        if self.live.losses:
            self._draw_curves(axes.pop(0))
        if self.live.bowl:
            self._draw_bowls(axes)
        return figure

    def _draw_curves(self, ax):
        self.solution = solve(*self.live.problem(self.state), keep_matrices=False)
        for loss, color in zip(self.live.losses, plots.PALETTE, strict=False):
            label = loss.replace("_", " ")
            plots.compare(ax, self.solution, self.runs, loss=loss, label=label, color=color)
        ax.set(yscale="log", xlabel="step $t$", ylabel="loss", title="Learning curves")
        ax.legend()
        self.words.value = html.escape(str(self.solution.status))

    def _draw_bowls(self, axes):
        rates = BOWL["learning_rates"]
        colors = plots.shades(len(BOWL["widths"]))
        for parameterization, ax in zip(CHOICES["parameterization"], axes, strict=True):
            for color, width in zip(colors, BOWL["widths"], strict=True):
                end = self.bowl(parameterization, width)
                plots.theory(ax, rates, end, label=rf"$\nu = {width}$", color=color)
                plots.optimum(ax, rates, end, color=color)
            ax.axvline(self.state["learning_rate"], color="gray", linestyle=":")
            ax.set(xscale="log", yscale="log", title=parameterization)
            ax.set(xlabel=r"learning rate $\eta$", ylabel="test loss at the end")
            ax.legend()

    def bowl(self, parameterization, width):
        """Test loss after the last step at every learning rate; moves that leave it alone are many."""
        changed = {"parameterization": parameterization, "width": width}
        network, data, _ = self.live.problem(self.state | changed)
        key = network, data.samples, data.batch, data.noise, self.state["bowl_steps"]
        if key not in self._bowls:
            trainings = [
                GradientDescent(self.state["bowl_steps"], rate) for rate in BOWL["learning_rates"]
            ]
            curves = solve(network, data, trainings, keep_matrices=False)
            self._bowls[key] = curves.test_loss[:, -1]
        return self._bowls[key]
