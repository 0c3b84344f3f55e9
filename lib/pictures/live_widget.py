"""Live figures in a running notebook: ipywidgets whose every move calls `lib.solve`."""

import html
import math

import ipywidgets as widgets

from lib.pictures.live_figure import BOWL, CHOICES, LiveFigure
from lib.pictures.live_picture import Picture

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
    drawing : Picture
        What draws the theory; its `solution` is the one on the screen.
    runs : Runs or None
        The networks on the screen; a move of a slider takes them away.
    """

    def __init__(self, live: LiveFigure):
        self.live, self.state = live, dict(live.state)
        self.drawing, self.runs = Picture(live, BOWL), None
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
        from lib.networks.simulate import simulate

        try:
            self.runs = simulate(
                *self.live.problem(self.state), dim=self.state["dim"], seeds=seeds, progress=False
            )
        except ValueError as error:  # these numbers ask for a network without a unit, for one
            self.words.value = html.escape(str(error))
        else:
            self._redraw()

    def _redraw(self):
        for field, widget in self.controls.items():
            hidden = field in ("samples", "batch") and field != self.state["data"]
            widget.layout.display = "none" if hidden else None
        try:
            self.picture.value = self.drawing.element(self.state, self.runs)
        except ValueError as error:
            self.picture.value, self.words.value = "", html.escape(str(error))
            return
        if self.drawing.solution is not None:
            self.words.value = html.escape(str(self.drawing.solution.status))
