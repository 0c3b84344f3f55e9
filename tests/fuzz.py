"""Random problems without end: `make fuzz`. The failure that is printed is the smallest that was found.

Not collected by pytest unless it is named; FUZZ_EXAMPLES says how many problems each test draws.
"""

import math
import os

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from references.networks import plain_training
from references.theory import Theory

import lib

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "200"))
ROUNDING = 1e-9

endless = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)


def logarithmic(low, high):
    return st.floats(math.log10(low), math.log10(high)).map(lambda x: float(f"{10**x:.3g}"))


@st.composite
def networks(draw, deepest=3, widest=4.0):
    depth = draw(st.integers(1, deepest))
    residual = draw(st.sampled_from([None, None, 0.0, 0.7, 1.5]))
    width = draw(logarithmic(0.2, widest))
    if residual is None and draw(st.booleans()):
        width = tuple(draw(logarithmic(0.2, widest)) for _ in range(depth))
    scales = st.tuples(*[logarithmic(0.3, 2)] * (depth + 1))
    return lib.Network(
        depth,
        width,
        draw(logarithmic(0.1, 8)),
        branch_scale=residual,
        outputs=draw(st.integers(1, 2)),
        centered=draw(st.booleans()),
        init_scale=draw(st.one_of(st.just(1.0), scales)),
    )


@st.composite
def data(draw):
    modes = draw(st.integers(1, 4))
    numbers = st.lists(logarithmic(0.05, 3), min_size=modes, max_size=modes)
    mass = np.array(draw(numbers))
    spectrum = lib.Spectrum(draw(numbers), draw(numbers), mass / mass.sum())
    size = draw(st.sampled_from(["population", "samples", "batch"]))
    given = {} if size == "population" else {size: draw(logarithmic(0.2, 8))}
    noise = draw(st.sampled_from([0.0, 0.1, 1.0]))
    return lib.Data(**given, noise=noise, spectrum=spectrum)


@st.composite
def trainings(draw, steps, rates=(1e-3, 0.3)):
    steps = draw(st.integers(*steps))
    rate = draw(logarithmic(*rates))
    shape = draw(st.sampled_from(["constant", "jump", "spike", "cosine"]))
    if shape != "constant":
        at = draw(st.integers(0, steps - 1))
        t = np.arange(steps)
        rate = (
            rate
            * {
                "jump": np.where(t < at, 1.0, draw(st.sampled_from([0.0, 0.1, 2.0]))),
                "spike": np.where(t == at, 3.0, 1.0),
                "cosine": np.cos(np.pi * t / (2 * steps)) ** 2,
            }[shape]
        )
    momentum = draw(st.sampled_from([0.0, 0.0, 0.5, 0.9]))
    return lib.GradientDescent(
        steps,
        rate,
        momentum=momentum,
        nesterov=momentum > 0 and draw(st.booleans()),
        weight_decay=draw(st.sampled_from([0.0, 0.0, 0.1, 1.0])),
    )


@endless
@given(networks(), data(), trainings((1, 9)))
def test_theory_equals_its_reference(network, data, training):
    solution = lib.solve(network, data, training)
    assert solution.status.name in ("COMPLETE", "DIVERGED", "INACCURATE")
    if solution.status.name == "COMPLETE" and solution.excess_loss.max() < 1e6:
        excess, train = Theory(network, data, training).run()
        np.testing.assert_allclose(solution.excess_loss, excess, rtol=1e-7)
        np.testing.assert_allclose(solution.train_loss, train, rtol=1e-7, atol=1e-14)


@endless
@given(networks(), data(), trainings((1, 40)), st.integers(0, 2**31), st.integers(0, 2**31))
def test_networks_equal_their_reference(network, data, training, of_weights, of_data):
    try:
        runs = lib.simulate(network, data, training, dim=12, seeds=[(of_weights, of_data)])
    except ValueError as error:
        assert "dim" in str(error)
        return
    if runs.status[0].name == "COMPLETE" and runs.test_loss.max() < 1e6:
        excess, train = plain_training(network, data, training, 12, (of_weights, of_data))
        np.testing.assert_allclose(runs.excess_loss[0], excess.sum(0), rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(runs.train_loss[0], train.sum(0), rtol=1e-6, atol=1e-12)


@endless
@given(
    networks(deepest=2), data(), trainings((20, 400), (1e-3, 0.1)), st.sampled_from([1e-8, 1e-5])
)
def test_fewer_rows_are_as_good_as_they_say(network, data, training, tolerance):
    exact = lib.solve(network, data, training, grid=lib.EveryStep(), keep_matrices=False)
    if exact.status.name != "COMPLETE":
        return
    grids = [None, lib.CompressedPast(tolerance)]
    grids += [] if data.batch is not None else [lib.Nodes(tolerance)]
    for grid in grids:
        try:
            found = lib.solve(network, data, training, grid=grid)
        except ValueError as error:
            assert "grid" in str(error)
            continue
        if found.status.name in ("COMPLETE", "STATIONARY"):
            found = found.at(exact.times)
            size = exact.test_loss + 1e-4 * exact.test_loss[0]
            off = np.abs(found.test_loss - exact.test_loss) / size
            assert off.max() <= found.error + ROUNDING, (grid, off.max(), found.error)
            assert (found.excess_loss >= 0).all() and (found.train_loss >= 0).all()
