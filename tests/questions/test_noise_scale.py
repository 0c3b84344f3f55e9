"""The noise scale against derivatives of the loss, closed forms, and networks in numpy."""

import math

import numpy as np
import pytest

import lib

SPREAD = lib.Spectrum([2.0, 0.7, 0.3], [1.0, 2.0, 0.5], [0.3, 0.3, 0.4])
MODES = lib.Spectrum.trace_class([1.0, 0.5, 0.2], [0.3, 1.0, 2.0])
STEPS, RATE = 8, 0.03
PROBLEMS = {
    "scales, rates, widths": (
        lib.Network(2, (0.5, 0.8), 1.3, init_scale=(1.2, 0.8, 1.1)),
        lib.Data(batch=0.4, noise=0.3, spectrum=SPREAD),
        (1.0, 0.5, 2.0),
    ),
    "residual, scaled branches": (
        lib.Network(3, 0.5, 1.3, branch_scale=1.1, init_scale=(1, 1.2, 0.7, 1), centered=True),
        lib.Data(batch=0.4, noise=0.3, spectrum=SPREAD),
        None,
    ),
    "infinite width": (lib.Network(2, math.inf, 1.3), lib.Data(batch=0.4, spectrum=SPREAD), None),
    "population": (lib.Network(2, 0.5, 1.3), lib.Data(noise=0.3, spectrum=SPREAD), None),
    "trace class": (lib.Network(1, 20.0, 1.3), lib.Data(batch=8, spectrum=MODES), None),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_signal_is_what_the_loss_falls_by(name):
    """Half of the derivative of the next excess loss in the rate of the step, at rate zero."""
    network, data, layer_rates = PROBLEMS[name]
    rates = np.full(STEPS, RATE)
    found = lib.noise_scale(
        network, data, lib.GradientDescent(STEPS, rates, layer_rates=layer_rates)
    )
    small = 1e-6
    for t in (0, 3, STEPS - 1):
        trials = []
        for last in (0, small, 2 * small):
            changed = rates.copy()
            changed[t] = last
            trials.append(lib.GradientDescent(STEPS, changed, layer_rates=layer_rates))
        losses = lib.solve(network, data, trials).excess_loss[:, t + 1]
        slope = losses @ [-1.5, 2, -0.5] / small
        assert -slope / 2 == pytest.approx(found.signal[t], rel=1e-8)


def test_weight_decay_weakens_what_noise_passes():
    """The step's own decay of W^0 .. W^L moves C_v by 2 omega (L + 1) (<v beta*> - C_v) more."""
    network, data = lib.Network(2, 0.5, 1.3), lib.Data(batch=0.4, noise=0.3)
    rates, omega, small = np.full(STEPS, RATE), 2.0, 1e-6
    descent = lib.GradientDescent(STEPS, rates, weight_decay=omega)
    found, run = lib.noise_scale(network, data, descent), lib.solve(network, data, descent)
    t = STEPS - 1
    trials = []
    for last in (0, small, 2 * small):
        rates[t] = last
        trials.append(lib.GradientDescent(STEPS, rates.copy(), weight_decay=omega))
    losses = lib.solve(network, data, trials).excess_loss[:, t + 1]
    slope = losses @ [-1.5, 2, -0.5] / small
    shrinking = 2 * omega * 3 * (math.sqrt(run.bias[t]) - run.excess_loss[t])
    assert (shrinking - slope) / 2 == pytest.approx(found.signal[t], rel=1e-7)


@pytest.mark.parametrize(("depth", "width"), [(1, 0.3), (3, 2.0), (2, math.inf)])
def test_first_step_of_isotropic_data_has_one_plus_the_label_noise(depth, width):
    network = lib.Network(depth, width, 2.0, centered=True)
    found = lib.noise_scale(network, lib.Data(batch=0.2, noise=0.5), lib.GradientDescent(1, 0.01))
    assert found.scale[0] == pytest.approx(1.25, rel=1e-12)


def test_networks_measure_the_same():
    """Twelve networks with D = 200, trained in numpy; |G|^2 and the spread of 40 batches."""
    dim, width, batch, gamma, eta, noise = 200, 100, 60, 1.5, 0.03, 0.3
    measured = []
    for seed in lib.seeds(12):
        draw = np.random.default_rng(seed).standard_normal
        matrices, target = [draw((width, dim)), draw((width, width))], draw(dim)
        readout, target = draw(width), target * math.sqrt(dim) / np.linalg.norm(target)

        def forward(u, matrices=matrices):
            first = matrices[0] @ u / math.sqrt(dim)
            return first, matrices[1] @ first / math.sqrt(width)

        for t in range(STEPS + 1):
            below = matrices[1].T @ readout / math.sqrt(width)
            error = target - matrices[0].T @ below / math.sqrt(dim) / (gamma * width / dim)
            X = draw((41, batch, dim))
            delta = X @ error / math.sqrt(dim) + noise * draw((41, batch))
            u = np.einsum("sbd,sb->ds", X, delta) * math.sqrt(dim) / batch
            u = np.column_stack([error, u])
            first, second = forward(u)
            squared = (
                (below @ below) * (u**2).sum(0) / dim
                + (readout @ readout) * (first**2).sum(0) / width
                + (second**2).sum(0)
            ) / width
            if t in (0, STEPS):
                measured.append((squared[0], (squared[2:].mean() - squared[0]) * batch / dim))
            matrices[0] = matrices[0] + eta * gamma * np.outer(below, u[:, 1]) / math.sqrt(dim)
            matrices[1] = matrices[1] + eta * gamma * np.outer(readout, first[:, 1]) / math.sqrt(
                width
            )
            readout = readout + eta * gamma * second[:, 1]
    measured = np.reshape(measured, (12, -1))
    found = lib.noise_scale(
        lib.Network(2, 0.5, gamma),
        lib.Data(batch=0.3, noise=noise),
        lib.GradientDescent(STEPS, eta),
    )
    expected = np.transpose([found.signal, found.noise])[[0, STEPS]].ravel()
    verdict = lib.agree(expected, measured, allowance=5 / dim)
    assert verdict, verdict


def test_refused():
    plain, descent = lib.Network(1, 1.0), lib.GradientDescent(3, 0.1)
    for network, data in (
        (plain, lib.Data(samples=2.0)),
        (lib.Network(1, 1.0, outputs=2), lib.Data(batch=1.0)),
        (lib.Network(math.inf, 1.0, branch_scale=1.0), lib.Data(batch=1.0)),
        (lib.Network(2, (math.inf, 1.0)), lib.Data(batch=1.0)),
    ):
        with pytest.raises(ValueError, match=r"noise scale|widths"):
            lib.noise_scale(network, data, descent)
    with pytest.raises(ValueError, match="GradientDescent"):
        lib.noise_scale(plain, lib.Data(), lib.GradientFlow(1.0))
