"""Schedules on nodes: against every step."""

import numpy as np
import pytest

import lib

STEPS = 300
TIME = np.arange(STEPS)
NETWORK, DATA = lib.Network(1, 1.0), lib.Data(samples=2.0, noise=0.5)


def spike(place):
    rates = np.full(STEPS, 0.05)
    rates[place] *= 5
    return rates


SCHEDULES = {
    "stop after 17": np.where(TIME < 17, 0.1, 0.0),
    **{f"a tenth after {s}": np.where(TIME < s, 0.1, 0.01) for s in (33, 65, 81, 97)},
    "spike": spike(64),
    "two jumps, close": np.select([TIME < 150, TIME < 153], [0.05, 0.2], 0.03),
    "cosine": 0.05 * (1 + np.cos(np.pi * TIME / STEPS)),
    "warm-up and cosine": 0.05 * np.minimum((TIME + 1) / 40, 1) * (1 + np.cos(TIME / 97)),
    "rough": 0.05 * np.random.default_rng(0).uniform(0.5, 1.5, STEPS),
}


@pytest.mark.parametrize("rates", SCHEDULES.values(), ids=SCHEDULES)
def test_schedules_against_every_step(rates):
    training = lib.GradientDescent(STEPS, rates)
    nodes = lib.solve(NETWORK, DATA, training)
    exact = lib.solve(NETWORK, DATA, training, grid=lib.EveryStep())
    assert isinstance(nodes.grid, lib.Nodes)
    for loss in ("test_loss", "train_loss"):
        off = np.abs(getattr(nodes, loss) / getattr(exact, loss) - 1).max()
        assert off <= nodes.error + 1e-11 and off < 1e-7


def test_a_switch_anywhere_is_seen():
    rng = np.random.default_rng(1)
    for place in rng.choice(np.arange(20, 280), 6, replace=False):
        rates = np.where(place > TIME, 0.1, 0.1 * rng.uniform(0, 1.5))
        training = lib.GradientDescent(STEPS, rates, weight_decay=0.1)
        nodes = lib.solve(NETWORK, lib.Data(noise=0.5), training)
        exact = lib.solve(NETWORK, lib.Data(noise=0.5), training, grid=lib.EveryStep())
        assert np.abs(nodes.test_loss / exact.test_loss - 1).max() < 1e-7


@pytest.mark.parametrize("tolerance", [1e-3, 1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("steps", [40, 59, 130])
def test_short_runs_on_nodes_say_how_well_they_are_known(steps, tolerance):
    training = lib.GradientDescent(steps, 0.1)
    for data in (DATA, lib.Data()):
        nodes = lib.solve(NETWORK, data, training, grid=lib.Nodes(tolerance))
        exact = lib.solve(NETWORK, data, training, grid=lib.EveryStep())
        size = np.maximum(exact.test_loss, 1e-4 * exact.test_loss[0])
        off = np.abs((nodes.test_loss - exact.test_loss) / size).max()
        assert off <= nodes.error + 1e-11


def test_verdicts_name_steps_and_times():
    rates = np.where(TIME < 150, 0.02, 2.0)
    wild = lib.solve(NETWORK, DATA, lib.GradientDescent(STEPS, rates))
    assert wild.status.name == "DIVERGED" and isinstance(wild.status.step, int)
    assert 150 < wild.status.step < 200 and f"step {wild.status.step}" in str(wild.status)

    def interrupt(done, of):
        if done > 1:
            raise KeyboardInterrupt

    flow = lib.solve(NETWORK, lib.Data(), lib.GradientFlow(5.0), progress=interrupt)
    assert flow.status.name == "INTERRUPTED" and 1 < flow.status.step < 5
    assert "at time" in str(flow.status)
    last = np.flatnonzero(np.isfinite(flow.test_loss))[-1]
    assert flow.times[last] <= flow.status.step


def test_converged_runs_of_fresh_batches_are_stationary():
    for problem in (
        (lib.Network(2, 0.5), lib.Data(batch=0.5), lib.GradientDescent(3000, 0.02)),
        (lib.Network(1, 1.0), lib.Data(batch=2.0), lib.GradientDescent(400, 0.1)),
    ):
        found = lib.solve(*problem)
        assert found.status.name == "STATIONARY" and (found.excess_loss >= 0).all()
        assert found.excess_loss[-1] < 1e-14 * found.excess_loss[0]


def test_flows_end_where_they_are_asked_to():
    for duration in (2.65, 0.1 + 0.2, 7.3):
        found = lib.solve(lib.Network(2, 1.0), lib.Data(), lib.GradientFlow(duration, 1e-3))
        assert found.times[-1] == duration and np.isfinite(found.test_loss).all()


def test_infinite_width_is_the_limit_of_large_width_for_samples():
    wide, endless = (
        lib.solve(lib.Network(1, width), lib.Data(samples=2.0, noise=0.5), lib.GradientFlow(200.0))
        for width in (1e9, np.inf)
    )
    assert endless.status.name == "COMPLETE"
    times = [0.5, 3.0, 20.0, 200.0]
    np.testing.assert_allclose(endless.at(times).test_loss, wide.at(times).test_loss, rtol=1e-6)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-4])
def test_loose_flows_of_rich_networks_are_followed(tolerance):
    problem = lib.Network(2, 1.0, 30.0, outputs=2), lib.Data(noise=0.5)
    loose, tight = (lib.solve(*problem, lib.GradientFlow(1.5, tol)) for tol in (tolerance, 1e-7))
    assert loose.status.name in ("COMPLETE", "STATIONARY")
    np.testing.assert_allclose(loose.at(1.5).test_loss, tight.at(1.5).test_loss, rtol=tolerance)


@pytest.mark.parametrize("name", ["jump", "spike", "bend"])
def test_a_change_at_the_first_step_of_a_panel_is_seen(name):
    """Where panels begin at a constant rate, or one step before or after."""
    plain = lib.solve(NETWORK, DATA, lib.GradientDescent(STEPS, 0.05))
    starts = [round(panel.start) for panel in plain.interpolants[0].panels]
    assert len(starts) > 2
    for place in [*starts, starts[0] - 1, starts[0] + 1]:
        rates = {
            "jump": np.where(place > TIME, 0.05, 0.02),
            "spike": np.where(place == TIME, 0.25, 0.05),
            "bend": 0.05 * np.minimum(1, (STEPS - TIME) / (STEPS - place)),
        }[name]
        training = lib.GradientDescent(STEPS, rates)
        nodes = lib.solve(NETWORK, DATA, training)
        exact = lib.solve(NETWORK, DATA, training, grid=lib.EveryStep(), keep_matrices=False)
        assert isinstance(nodes.grid, lib.Nodes)
        worst = np.abs(nodes.test_loss / exact.test_loss - 1).max()
        assert worst <= nodes.error + 1e-11 and worst < 1e-7
