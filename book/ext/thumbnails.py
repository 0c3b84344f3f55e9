"""`{thumbnail}` draws a small picture for a part of the book, from the theory, when the book is built.

sphinx-gallery has thumbnails of the examples that it executes itself.
"""

from functools import cache

import numpy as np
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

import lib
from lib.pictures import plots
from lib.pictures.colors import PALETTE, darken, shades

SIZE = (2.6, 1.45)
LOOK = {"lines.linewidth": 2.2, "axes.grid": False, "font.size": 9, "axes.linewidth": 0.8}


def curves(ax):
    for color, width in zip(shades(4), (0.25, 0.5, 1.0, 4.0), strict=True):
        theory = lib.solve(lib.Network(3, width), lib.Data(), lib.GradientDescent(60, 0.02))
        plots.theory(ax, theory.times, theory.excess_loss, color=color)
    ax.set(yscale="log", xlabel="step", ylabel="loss")
    return "Learning curves of four widths: wider networks learn faster."


def bowls(ax):
    rates = np.geomspace(0.01, 0.12, 50)
    trainings = [lib.GradientDescent(20, rate) for rate in rates]
    for color, width in zip(shades(4), (1.0, 2.0, 4.0, 16.0), strict=True):
        net, data = lib.Network(2, width, 4.0), lib.Data(samples=4.0)
        loss = lib.solve(net, data, trainings, keep_matrices=False).excess_loss[:, -1]
        best = lib.optimal_learning_rate(net, data, trainings[0])
        plots.bowl(ax, rates, loss, best, color=color)
    ax.set(xlabel="learning rate", ylabel="loss")
    return "Loss against learning rate at four widths: the best rates stand above each other."


def depth(ax):
    for color, layers in zip(shades(4), (2, 4, 8, 16), strict=True):
        net = lib.Network(layers, 1.0, 1.0, branch_scale=1.0)
        theory = lib.solve(net, lib.Data(), lib.GradientDescent(30, 0.05), keep_matrices=False)
        plots.theory(ax, theory.times, theory.excess_loss, color=color)
    ax.set(yscale="log", xlabel="step", ylabel="loss")
    return "Learning curves of residual networks of four depths, close to each other."


def powers(ax):
    spectrum = lib.Spectrum.power_law(200, 2.0, 0.5)
    for color, richness in zip((PALETTE[0], PALETTE[1]), (0.01, 1.0), strict=True):
        net, data = lib.Network(1, np.inf, richness), lib.Data(spectrum=spectrum)
        theory = lib.solve(net, data, lib.GradientFlow(300.0, 1e-4))
        shown = theory.times > 1
        plots.theory(ax, theory.times[shown], theory.excess_loss[shown], color=color)
    ax.set(xscale="log", yscale="log", xlabel="time", ylabel="loss")
    return "Two power laws: with feature learning the loss falls with a larger exponent."


def momentum(ax):
    net, data = lib.Network(2, 1.0), lib.Data(samples=3.0)
    for color, beta in zip(shades(3), (0.0, 0.5, 0.8), strict=True):
        training = lib.GradientDescent(60, 0.02, momentum=beta)
        theory = lib.solve(net, data, training, keep_matrices=False)
        plots.theory(ax, theory.times, theory.excess_loss, color=color)
    ax.set(yscale="log", xlabel="step", ylabel="loss")
    return "Learning curves with three strengths of momentum."


def layers(ax):
    net, data = lib.Network(2, 0.5, centered=True), lib.Data(batch=0.5, noise=0.3)
    rates = np.geomspace(0.02, 0.4, 60)
    for color, chosen in ((PALETTE[0], (1.0, 1.0, 1.0)), (PALETTE[1], (1.0, 0.0, 0.0))):
        trainings = [lib.GradientDescent(20, rate, layer_rates=chosen) for rate in rates]
        loss = lib.solve(net, data, trainings, keep_matrices=False).excess_loss[:, -1]
        shown = loss < 0.5  # half of the first loss: beyond, one curve runs into its divergence
        plots.theory(ax, rates[shown], loss[shown], color=color)
        plots.optimum(ax, rates, loss, color=color)
    ax.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="loss")
    ax.margins(y=0.15)
    return "Loss against learning rate: all matrices trained, and the first one alone."


PICTURES = {f.__name__: f for f in (curves, bowls, depth, powers, momentum, layers)}


@cache
def picture(name):
    """HTML of one picture on both grounds."""
    with plots.plt.rc_context(plots.STYLE | LOOK):
        figure, ax = plots.plt.subplots(figsize=SIZE)
        alt = PICTURES[name](ax)
        ax.tick_params(which="both", length=0, labelbottom=False, labelleft=False)
        light = plots.image(figure, alt, "only-light")
        darken(figure)
        ax.tick_params(which="both", length=0, labelbottom=False, labelleft=False)
        dark = plots.image(figure, alt, "only-dark")
        plots.plt.close(figure)
    return f'<div class="thumbnail">{light}{dark}</div>'


class Thumbnail(SphinxDirective):
    required_arguments = 1

    def run(self):
        (name,) = self.arguments
        if name not in PICTURES:
            raise self.error(f"there is no picture {name}: draw one of {', '.join(PICTURES)}")
        return [nodes.raw("", picture(name), format="html")]


def setup(app):
    app.add_directive("thumbnail", Thumbnail)
    return {"parallel_read_safe": True}
