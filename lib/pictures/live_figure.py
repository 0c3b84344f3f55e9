"""What a live figure shows, as data: the problem, its sliders, its curves."""

import math
from dataclasses import dataclass

import numpy as np

from lib import checks
from lib.problem.data import Data
from lib.problem.network import Network
from lib.problem.training import GradientDescent

RANGES = {
    "depth": (1, 8),
    "width": (0.1, 10.0),
    "richness": (0.1, 10.0),
    "samples": (0.2, 10.0),
    "batch": (0.02, 5.0),
    "noise": (0.0, 2.0),
    "learning_rate": (0.001, 0.5),
    "steps": (5, 200),
    "bowl_steps": (5, 60),
}
"""Bounds of the sliders, unless a figure gives its own."""

CHOICES = {
    "parameterization": ("mean-field", "ntk"),
    "data": ("population", "samples", "batch"),
    "dim": (25, 50, 100, 200, 400),
    "seeds": (0, 2, 4, 8, 16, 32, 128, 512),
}
"""What menus offer, unless a figure lists its own."""

LOSSES = ("test_loss", "train_loss", "excess_loss")

BOWL = {
    "widths": (0.5, 1, 2, 8, 32),
    "learning_rates": tuple(float(f"{10 ** (k / 10 - 2.6):.2g}") for k in range(24)),
}
"""Widths and learning rates of a bowl."""


@dataclass(frozen=True)
class LiveFigure:
    """What a live figure shows; page and notebook are made from the same one.

    Attributes
    ----------
    name, alt : str
    state : dict
        The problem, field by field: those of `RANGES` and `CHOICES`.
    sliders : dict
        Which fields the reader may change: (low, high) for a number, a list of values for a menu.
    losses : tuple of str
        The learning curves; empty for a figure without them.
    bowl : bool
        Whether to show the loss against the learning rate, over widths.
    spikes : bool
        Whether to show the singular values of the trained matrices.
    share : bool
        Whether the page's address holds the state.
    """

    name: str
    alt: str
    state: dict
    sliders: dict
    losses: tuple
    bowl: bool
    spikes: bool
    share: bool

    def problem(self, state):
        """(Network, Data, GradientDescent) of a state."""
        last = state["width"][-1] if isinstance(state["width"], tuple) else state["width"]
        scale = math.sqrt(last) if state["parameterization"] == "ntk" else 1.0
        network = Network(state["depth"], state["width"], state["richness"] / scale)
        size = {} if state["data"] == "population" else {state["data"]: state[state["data"]]}
        data = Data(**size, noise=state["noise"])
        return network, data, GradientDescent(state["steps"], state["learning_rate"])


def describe(
    network,
    data,
    training,
    sliders,
    *,
    name,
    alt,
    losses,
    bowl,
    spikes=False,
    dim,
    seeds,
    bowl_steps,
    share,
):
    """The `LiveFigure` of the arguments of `figure`, checked."""
    _check_problem(network, data, training)
    losses = tuple(losses)
    for loss in losses:
        if loss not in LOSSES:
            raise ValueError(f"losses has {loss!r}: give some of {', '.join(LOSSES)}.")
    if not losses and not bowl and not spikes:
        raise ValueError("there is nothing to show: give losses, bowl=True or spikes=True.")
    regime = next(
        (kind for kind in ("samples", "batch") if getattr(data, kind) is not None), "population"
    )
    state = {
        "depth": network.depth,
        "width": network.width,
        "richness": network.richness,
        "parameterization": "mean-field",
        "data": regime,
        "samples": data.samples or 2.0,
        "batch": data.batch or 0.5,
        "noise": data.noise,
        "learning_rate": training.learning_rate,
        "steps": training.steps,
        "bowl_steps": checks.integer("bowl_steps", bowl_steps),
        "dim": checks.integer("dim", dim),
        "seeds": checks.integer("seeds", seeds, least=0),
    }
    return LiveFigure(
        name=name,
        alt=alt,
        state=state,
        sliders=_check_sliders(sliders, state),
        losses=losses,
        bowl=checks.flag("bowl", bowl),
        spikes=checks.flag("spikes", spikes),
        share=checks.flag("share", share),
    )


def _check_problem(network, data, training):
    if network.branch_scale is not None or network.outputs > 1 or network.centered:
        raise ValueError(
            "live figures solve plain networks with one output: "
            "leave branch_scale, outputs and centered out."
        )
    if network.init_scale != 1 or training.layer_rates is not None:
        raise ValueError(
            "live figures start all matrices alike and train them at one rate: "
            "leave init_scale and layer_rates out."
        )
    if math.inf in network.widths:
        raise ValueError("live figures need finite widths: give a large width instead of inf.")
    spectrum = data.spectrum
    isotropic = not spectrum.dimension_free and np.all(spectrum.eigenvalues == 1)
    if not isotropic or np.any(spectrum.target_power != 1):
        raise ValueError("live figures have isotropic inputs: leave spectrum out.")
    plain = isinstance(training, GradientDescent) and isinstance(training.learning_rate, float)
    if not plain or training.momentum or training.weight_decay:
        raise ValueError(
            "live figures train by plain gradient descent: give lib.GradientDescent with one "
            "learning rate, without momentum and weight_decay."
        )


def _check_sliders(sliders, state):
    known = RANGES | CHOICES
    unknown = [field for field in sliders if field not in known]
    if unknown or not sliders:
        raise ValueError(f"sliders has {unknown}: give some of {', '.join(known)}.")
    if isinstance(state["width"], tuple) and {"width", "depth"} & set(sliders):
        raise ValueError(
            "layers of unequal width have no slider for width or depth: leave these sliders out."
        )
    given = sliders if isinstance(sliders, dict) else {field: known[field] for field in sliders}
    for field, offered in given.items():
        if field in CHOICES:
            if state[field] not in offered:
                raise ValueError(
                    f"{field} is {state[field]!r}, which its menu {tuple(offered)} lacks: add it."
                )
            continue
        low, high = offered
        if not 0 <= low < high or (low == 0 and field != "noise"):
            raise ValueError(
                f"the slider of {field} goes from {low} to {high}: give 0 < low < high."
            )
        if not low <= state[field] <= high:
            raise ValueError(
                f"{field} is {state[field]:g}, outside its slider from {low:g} to {high:g}: "
                f"give sliders={{'{field}': (low, high), ...}} around it."
            )
    # Of Python's own numbers: what a page or a notebook is told must be text in the end.
    return {
        field: tuple(entry.item() if isinstance(entry, np.generic) else entry for entry in offered)
        for field, offered in given.items()
    }
