"""The picture of README.md: theory and networks, over time and over the learning rate."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np

import lib
from lib.pictures import plots
from lib.questions.agreement import deviation

OUTPUT = Path(__file__).parent / "static" / "theory-and-networks.png"
WIDTHS = (0.5, 1.0, 2.0, 4.0)
DIM, SEEDS = 500, 24


def over_time(ax, width, color):
    """Excess loss of a training run; returns how far networks are from the theory."""
    problem = lib.Network(3, width), lib.Data(samples=2.0, noise=0.5), lib.GradientDescent(60, 0.03)
    theory = lib.solve(*problem)
    runs = lib.simulate(*problem, dim=DIM, seeds=SEEDS, dtype="float32", progress=False)
    plots.compare(ax, theory, runs, label=rf"$N/D = {width:g}$", color=color)
    return deviation(theory.excess_loss, runs.excess_loss)


def over_rate(ax, width, color):
    """Excess loss after 20 steps over the learning rate, mean-field parameterization."""
    network, data = lib.Network(3, width, 4.0), lib.Data(samples=4.0)
    rates, tried = np.geomspace(0.004, 0.042, 60), np.geomspace(0.005, 0.024, 6)
    curve, expected = (
        lib.solve(network, data, [lib.GradientDescent(20, eta) for eta in etas]).excess_loss[:, -1]
        for etas in (rates, tried)
    )
    trainings = [lib.GradientDescent(20, eta) for eta in tried]
    runs = lib.simulate(
        network, data, trainings, dim=DIM, seeds=SEEDS, dtype="float32", progress=False
    )
    plots.theory(ax, rates, curve, color=color)
    plots.optimum(ax, rates, curve, color=color)
    plots.networks(ax, tried, runs.excess_loss[:, :, -1].T, color=color)
    return deviation(expected, runs.excess_loss[:, :, -1].T)


def main():
    plots.use_style()
    figure, (left, right) = plots.plt.subplots(1, 2, figsize=(9, 3.5))
    for width, color in zip(WIDTHS, plots.shades(len(WIDTHS)), strict=True):
        for draw, ax in ((over_time, left), (over_rate, right)):
            errors, fraction = draw(ax, width, color)
            print(f"{draw.__name__} {width}: {errors:.1f} standard errors, {fraction:.1%}")
            # Near the best rate networks of one size scatter by a third: their mean by a tenth.
            assert errors < 4 and fraction < (0.05 if ax is left else 0.1)
    left.set(yscale="log", xlabel="step", ylabel="excess loss", title="training, repeated data")
    right.set(xscale="log", yscale="log", xlabel="learning rate", title="after 20 steps")
    ticks = (0.005, 0.01, 0.02, 0.04)
    right.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    right.minorticks_off()
    left.legend()
    figure.savefig(OUTPUT, dpi=220, metadata={"Software": None})


if __name__ == "__main__":
    main()
