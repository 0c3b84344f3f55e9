"""All pairs of features: each two options meet in at least one problem, against references that share no code.

A covering array chooses the problems: some thirty for what would be tens of thousands.
"""

import itertools

import numpy as np
import pytest
from allpairspy import AllPairs
from references.networks import plain_training
from references.theory import Theory

import lib

STEPS = 9
SCHEDULES = {
    "constant": 1.0,
    "jump": np.where(np.arange(STEPS) < 4, 1.0, 0.3),
    "cosine": np.cos(np.linspace(0, np.pi / 2, STEPS)) ** 2,
}
MODES = [2.0, 0.5], [0.4, 2.2], [0.3, 0.7]
FEATURES = {
    "depth": [1, 2, 3],
    "width": ["equal", "unequal"],
    "richness": [0.4, 2.0],
    "branch_scale": [None, 0.0, 1.2],
    "outputs": [1, 2],
    "centered": [False, True],
    "init_scale": ["one", "layers"],
    "regime": ["population", "samples", "batch"],
    "noise": [0.0, 0.4],
    "spectrum": ["isotropic", "modes", "trace class"],
    "schedule": list(SCHEDULES),
    "momentum": [0.0, 0.6],
    "nesterov": [False, True],
    "weight_decay": [0.0, 0.5],
    "layer_rates": ["one", "layers"],
}


def allowed(case):
    """Combinations that `lib` refuses at construction are not problems."""
    residual = case.get("branch_scale") is not None
    if residual and case.get("width") == "unequal":
        return False
    return not (case.get("nesterov") and case.get("momentum") == 0.0)


def pairs(case):
    """All pairs of (feature, option) that a case holds."""
    return set(itertools.combinations(case.items(), 2))


POSSIBLE = {
    pair
    for first, second in itertools.combinations(FEATURES, 2)
    for pair in itertools.product(
        [(first, option) for option in FEATURES[first]],
        [(second, option) for option in FEATURES[second]],
    )
    if allowed(dict(pair))
}


def covering():
    """Cases in which every possible pair meets: those of allpairspy, and what its filter made it miss."""
    rows = AllPairs(
        list(FEATURES.values()),
        filter_func=lambda row: allowed(dict(zip(FEATURES, row, strict=False))),
    )
    cases = [dict(zip(FEATURES, row, strict=True)) for row in rows]
    missing = sorted(POSSIBLE.difference(*map(pairs, cases)), key=str)
    for pair in missing:
        changed = ({**case, **dict(pair)} for case in cases)
        cases.append(next(case for case in changed if allowed(case)))
    return cases


CASES = covering()


def problem(case):
    """(network, data, training) of a case, small enough for networks of sixteen inputs."""
    depth, free = case["depth"], case["spectrum"] == "trace class"
    unit = 16 if free else 1
    widths = 0.75 * unit
    if case["width"] == "unequal":
        widths = tuple(ratio * unit for ratio in (1.25, 0.5, 0.75)[:depth])
    layers = (1.3, 0.7, 1.1, 0.9)[: depth + 1]
    network = lib.Network(
        depth,
        widths,
        case["richness"],
        branch_scale=case["branch_scale"],
        outputs=case["outputs"],
        centered=case["centered"],
        init_scale=1.0 if case["init_scale"] == "one" else layers,
    )
    spectrum = {
        "isotropic": lib.Spectrum.isotropic(),
        "modes": lib.Spectrum(*MODES),
        "trace class": lib.Spectrum.trace_class([0.2, 0.03], [3.0, 1.0], [4, 12]),
    }[case["spectrum"]]
    size = {} if case["regime"] == "population" else {case["regime"]: 1.5 * unit}
    data = lib.Data(**size, noise=case["noise"], spectrum=spectrum)
    training = lib.GradientDescent(
        STEPS,
        0.03 * SCHEDULES[case["schedule"]] / (0.2 if free else 1),
        momentum=case["momentum"],
        nesterov=case["nesterov"],
        weight_decay=case["weight_decay"],
        layer_rates=None if case["layer_rates"] == "one" else layers[::-1],
    )
    return network, data, training


def name(case):
    return ", ".join(f"{value}" for value in case.values())


def test_every_pair_meets():
    assert POSSIBLE.difference(*map(pairs, CASES)) == set()
    assert all(map(allowed, CASES)) and len(CASES) < 60


@pytest.mark.parametrize("case", CASES, ids=name)
def test_theory_equals_its_reference(case):
    network, data, training = problem(case)
    solution = lib.solve(network, data, training)
    excess, train = Theory(network, data, training).run()
    np.testing.assert_allclose(solution.excess_loss, excess, rtol=1e-9)
    np.testing.assert_allclose(solution.train_loss, train, rtol=1e-9)
    assert solution.status.name == "COMPLETE" and solution.residual < 1e-9


@pytest.mark.parametrize("case", CASES, ids=name)
def test_networks_equal_their_reference(case):
    """In a sweep beside another network, with seeds as pairs, long enough to fold."""
    network, data, training = problem(case)
    dim = None if data.spectrum.dimension_free else 16
    runs = lib.simulate([network, network], data, training, dim=dim, seeds=[(3, 4), (5, 5)])
    for j, seed in enumerate(runs.seeds):
        excess, train = plain_training(network, data, training, dim, seed)
        for k in range(2):
            np.testing.assert_allclose(runs.excess_by_output[k, j], excess, rtol=1e-9)
            np.testing.assert_allclose(runs.train_by_output[k, j], train, rtol=1e-9)
