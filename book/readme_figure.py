"""The picture of README.md: theory and networks, over time and over the learning rate."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np

import lib
from lib.pictures import plots
from lib.pictures.legible import plain_ticks
from lib.questions.agreement import finite_size

OUTPUT = Path(__file__).parent / "static" / "theory-and-networks.png"
WIDTHS = (0.5, 1.0, 2.0, 4.0)
DIM, SEEDS = 500, 64


def over_time(ax, width, color):
    """Excess loss of a training run; returns how far networks are from the theory."""
    problem = lib.Network(3, width), lib.Data(samples=2.0, noise=0.5), lib.GradientDescent(60, 0.03)
    theory = lib.solve(*problem)
    runs = lib.simulate(*problem, dim=DIM, seeds=SEEDS, dtype="float32", progress=False)
    plots.compare(ax, theory, runs, label=rf"$N/D = {width:g}$", color=color)
    allowance = finite_size(theory.excess_loss, theory.network, theory.data) / DIM
    return lib.agree(theory, runs, allowance=allowance)


def over_rate(ax, width, color):
    """Excess loss after 20 steps over the learning rate, mean-field parameterization."""
    network, data = lib.Network(3, width, 4.0), lib.Data(samples=4.0)
    rates, tried = np.geomspace(0.004, 0.05, 90), np.geomspace(0.005, 0.036, 8)
    curve, expected = (
        lib.solve(network, data, [lib.GradientDescent(20, eta) for eta in etas]).excess_loss
        for etas in (rates, tried)
    )
    trainings = [lib.GradientDescent(20, eta) for eta in tried]
    runs = lib.simulate(
        network, data, trainings, dim=DIM, seeds=SEEDS, dtype="float32", progress=False
    )
    best = lib.optimal_learning_rate(network, data, lib.GradientDescent(20, 0.02))
    plots.bowl(ax, rates, curve[:, -1], best, color=color)
    plots.networks(ax, tried, runs.excess_loss[:, :, -1].T, color=color, middle="log")
    # Close to the best rate the loss falls by orders, and finite size counts for more.
    finite = np.array([finite_size(run, network, data)[-1] for run in expected]) / DIM
    samples = runs.excess_loss[:, :, -1].T
    return lib.agree(expected[:, -1], samples, middle="log", allowance=finite)


def main():
    plots.use_style()
    figure, (left, right) = plots.plt.subplots(1, 2, figsize=(9, 3.5))
    for width, color in zip(WIDTHS, plots.shades(len(WIDTHS)), strict=True):
        for draw, ax in ((over_time, left), (over_rate, right)):
            check = draw(ax, width, color)
            print(f"{draw.__name__} {width}: {check}")
            assert check
    left.set(yscale="log", xlabel="step", ylabel="excess loss", title="training, repeated data")
    right.set(xscale="log", yscale="log", xlabel="learning rate", title="after 20 steps")
    ticks = (0.005, 0.01, 0.02, 0.04)
    right.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    right.minorticks_off()
    left.legend()
    plain_ticks(figure)
    figure.savefig(OUTPUT, dpi=220, metadata={"Software": None})


if __name__ == "__main__":
    main()
