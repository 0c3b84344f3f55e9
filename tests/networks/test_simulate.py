"""The simulator against plain autograd training, the theory, conservation laws and itself."""

import contextlib
import math
import signal
import threading

import numpy as np
import pytest
import torch
from expectations import assert_agrees
from references.networks import plain_training

import lib
from lib.networks.fields import Lockstep
from lib.networks.finite_data import target_vectors
from lib.networks.trained_weights import history_length

NOISE = 0.3
SPECTRUM = lib.Spectrum([2.0, 0.5], [0.4, 2.2], [0.3, 0.7])
REGIMES = {
    "population": lib.Data(noise=NOISE),
    "population, two modes": lib.Data(noise=NOISE, spectrum=SPECTRUM),
    "repeated": lib.Data(samples=0.8, noise=NOISE),
    "repeated, two modes": lib.Data(samples=1.5, noise=NOISE, spectrum=SPECTRUM),
    "one pass": lib.Data(batch=0.5, noise=NOISE),
    "one pass, dimension free": lib.Data(
        batch=5, noise=NOISE, spectrum=lib.Spectrum.power_law(12, 1.2, 0.5)
    ),
}
OPTIMIZERS = {
    "constant rate": lib.GradientDescent(12, 0.05),
    "schedule": lib.GradientDescent(12, np.linspace(0.08, 0.0, 12)),
    "heavy ball": lib.GradientDescent(12, 0.03, momentum=0.6),
    "Nesterov": lib.GradientDescent(12, 0.03, momentum=0.6, nesterov=True),
    "weight decay": lib.GradientDescent(12, 0.05, weight_decay=0.4),
    "everything": lib.GradientDescent(
        12, np.linspace(0.04, 0.01, 12), momentum=0.5, nesterov=True, weight_decay=0.3
    ),
}


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(
    "shape",
    [
        {"depth": 1, "width": 0.7, "richness": 0.9},
        {"depth": 3, "width": (0.5, 1.2, 0.7), "richness": 0.8, "centered": True},
        {"depth": 3, "width": 0.8, "branch_scale": 1.1},
    ],
    ids=["one layer", "unequal, centered", "residual"],
)
def test_training_equals_autograd(regime, optimizer, shape):
    data, training = REGIMES[regime], OPTIMIZERS[optimizer]
    dim = None
    if data.spectrum.dimension_free:
        widths = 9 if np.ndim(shape["width"]) == 0 else (6, 14, 8)
        shape = shape | {"width": widths}
    else:
        dim = 20
    network = lib.Network(**shape)
    runs = lib.simulate(network, data, training, dim=dim, seeds=[7])
    excess, train = plain_training(network, data, training, dim, seed=7)
    np.testing.assert_allclose(runs.excess_loss[0], excess[0], rtol=1e-10)
    np.testing.assert_allclose(runs.train_loss[0], train[0], rtol=1e-10)
    np.testing.assert_allclose(runs.test_loss, runs.excess_loss + NOISE**2, rtol=1e-15)


@pytest.mark.parametrize("optimizer", ["constant rate", "heavy ball", "everything"])
def test_long_runs_fold_their_history_away(optimizer):
    """More steps than a layer has neurons: old gradients become matrices."""
    network, data = lib.Network(2, (0.5, 0.8)), lib.Data(samples=1.5, noise=NOISE)
    short = OPTIMIZERS[optimizer]
    training = lib.GradientDescent(
        150, 0.04, momentum=short.momentum, nesterov=short.nesterov, weight_decay=short.weight_decay
    )
    runs = lib.simulate(network, data, training, dim=16, seeds=[1])
    excess, train = plain_training(network, data, training, 16, seed=1)
    np.testing.assert_allclose(runs.excess_loss[0], excess[0], rtol=1e-9)
    np.testing.assert_allclose(runs.train_loss[0], train[0], rtol=1e-9)


# Several outputs: outputs share one mode's directions, or have targets of their own in each mode

TARGETS = {
    2: [[[1.0, 0.3], [0.3, 0.2]], [[0.5, -0.5], [-0.5, 0.5]]],
    3: [np.diag([1.0, 0.5, 0.0]) + 0.1, np.diag([0.2, 0.4, 0.8])],
    10: [np.eye(10), np.ones((10, 10))],
}


def several(outputs, regime):
    """A regime of `REGIMES` with correlated targets."""
    data = REGIMES[regime]
    spectrum = lib.Spectrum([2.0, 0.5], np.array(TARGETS[outputs]), [0.6, 0.4])
    if data.spectrum.dimension_free:
        powers = [np.outer(w, w) for w in np.random.default_rng(0).normal(size=(12, outputs))]
        spectrum = lib.Spectrum.trace_class(data.spectrum.eigenvalues, np.array(powers))
    return lib.Data(data.samples, data.batch, data.noise, spectrum)


@pytest.mark.parametrize("outputs", TARGETS)
@pytest.mark.parametrize(
    "regime",
    ["population, two modes", "repeated, two modes", "one pass", "one pass, dimension free"],
)
@pytest.mark.parametrize(
    "shape",
    [
        {"depth": 1, "width": 0.7, "richness": 0.9},
        {"depth": 3, "width": (0.5, 1.2, 0.7), "centered": True},
        {"depth": 3, "width": 0.8, "branch_scale": 1.1},
    ],
    ids=["one layer", "unequal, centered", "residual"],
)
def test_several_outputs_equal_autograd(outputs, regime, shape):
    data, training = several(outputs, regime), OPTIMIZERS["everything"]
    dim = None if data.spectrum.dimension_free else 20
    if dim is None:
        shape = shape | {"width": 9 if np.ndim(shape["width"]) == 0 else (6, 14, 8)}
    network = lib.Network(**shape, outputs=outputs)
    runs = lib.simulate(network, data, training, dim=dim, seeds=[7])
    excess, train = plain_training(network, data, training, dim, seed=7)
    np.testing.assert_allclose(runs.excess_by_output[0], excess, rtol=1e-10)
    np.testing.assert_allclose(runs.train_by_output[0], train, rtol=1e-10)
    np.testing.assert_allclose(runs.excess_loss[0], excess.sum(0), rtol=1e-10)
    np.testing.assert_allclose(runs.train_loss[0], train.sum(0), rtol=1e-10)
    floor = outputs * NOISE**2
    np.testing.assert_allclose(runs.test_loss, runs.excess_loss + floor, rtol=1e-15)


@pytest.mark.parametrize("optimizer", ["constant rate", "everything"])
def test_long_runs_of_several_outputs_fold_their_history_away(optimizer):
    network = lib.Network(2, (0.5, 0.8), outputs=2)
    data, short = several(2, "repeated, two modes"), OPTIMIZERS[optimizer]
    training = lib.GradientDescent(
        90, 0.02, momentum=short.momentum, nesterov=short.nesterov, weight_decay=short.weight_decay
    )
    length, foldable = history_length([16, 8, 13, 2], training.memory())
    assert 0 < foldable <= length < 90, "the history is folded at least once"
    runs = lib.simulate(network, data, training, dim=16, seeds=[1])
    excess, train = plain_training(network, data, training, 16, seed=1)
    np.testing.assert_allclose(runs.excess_by_output[0], excess, rtol=1e-9)
    np.testing.assert_allclose(runs.train_by_output[0], train, rtol=1e-9)


def test_targets_have_the_covariance_that_was_asked_for():
    covariance, counts = np.array(TARGETS[3]), np.array([11, 4])
    target = target_vectors(covariance, counts)
    for k, part in enumerate(np.split(target, [11], axis=1)):
        np.testing.assert_allclose(part @ part.T / counts[k], covariance[k], atol=1e-14)
    np.testing.assert_array_equal(target_vectors(np.array([[[4.0]]]), np.array([5])), 2.0)


# Theory

PROBLEMS = {
    "population": (lib.Network(1, 1.0), lib.Data(), lib.GradientDescent(25, 0.1)),
    "repeated": (
        lib.Network(3, (0.5, 1, 0.7), 0.8),
        lib.Data(samples=1, noise=0.3),
        lib.GradientDescent(25, 0.05),
    ),
    "one pass": (
        lib.Network(2, 0.5),
        lib.Data(batch=0.5, noise=0.3),
        lib.GradientDescent(25, 0.05),
    ),
    "momentum, decay, centered": (
        lib.Network(2, 1.0, centered=True),
        lib.Data(samples=1.5, noise=0.3),
        lib.GradientDescent(25, 0.05, momentum=0.6, weight_decay=0.5),
    ),
    "spectrum": (
        lib.Network(2, 1.0),
        lib.Data(samples=1.5, noise=0.3, spectrum=SPECTRUM),
        lib.GradientDescent(25, 0.05),
    ),
    "Nesterov, NTK": (
        lib.Network.ntk(2, 2.0),
        lib.Data(batch=2.0),
        lib.GradientDescent(25, 0.04, momentum=0.5, nesterov=True),
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_theory_and_networks_agree(name):
    theory = lib.solve(*PROBLEMS[name])
    seeds = 900 if name == "one pass" else 400  # small fresh batches scatter most
    runs = lib.simulate(*PROBLEMS[name], dim=150, seeds=seeds, dtype="float32")
    assert_agrees(theory, runs)


def test_power_law_networks_follow_the_theory():
    network = lib.Network(2, 300, 0.5, centered=True)
    data = lib.Data(batch=64, spectrum=lib.Spectrum.power_law(1000, 1.5, 0.8))
    training = lib.GradientDescent(60, 0.1)
    theory = lib.solve(network, data, training)
    runs = lib.simulate(network, data, training, seeds=64, dtype="float32")
    assert runs.dim == 1000
    check = lib.agree(theory, runs, middle="log", allowance=6 / network.width)
    assert check and check.catches < 0.1, check


# Reproducibility


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("regime", ["repeated", "one pass"])
@pytest.mark.parametrize("outputs", [1, 2, 3, 10])
def test_a_run_does_not_depend_on_its_company(dtype, regime, outputs):
    network = lib.Network(2, (0.63, 0.7), outputs=outputs)
    data = REGIMES[regime] if outputs == 1 else several(outputs, regime)
    trainings = [lib.GradientDescent(30, eta) for eta in np.linspace(0.01, 0.2, 11)]
    sweep = lib.simulate(network, data, trainings, dim=37, seeds=[4, 9], dtype=dtype)
    assert sweep.train_loss.shape == (11, 2, 31) and sweep.status.shape == (11, 2)
    for k in (0, 5, 9, 10):
        alone = lib.simulate(network, data, trainings[k], dim=37, seeds=[9], dtype=dtype)
        for loss in ("test_loss", "excess_by_output", "train_by_output"):
            np.testing.assert_array_equal(getattr(alone, loss)[0], getattr(sweep, loss)[k, 1])


def test_seeds_differ_and_an_integer_counts_them(monkeypatch):
    monkeypatch.delenv("SEED_OFFSET", raising=False)
    problem = lib.Network(1, 1.0), lib.Data(samples=1.0), lib.GradientDescent(3, 0.1)
    runs = lib.simulate(*problem, dim=40, seeds=3)
    assert runs.seeds == (0, 1, 2) and len(np.unique(runs.test_loss[:, 0])) == 3
    for listed in ([2, 0], np.array([2, 0])):
        again = lib.simulate(*problem, dim=40, seeds=listed)
        assert again.seeds == (2, 0)
        np.testing.assert_array_equal(again.test_loss, runs.test_loss[[2, 0]])


def test_single_precision_trains_the_same_network():
    problem = lib.Network(2, 0.8), lib.Data(samples=1.5, noise=0.2), lib.GradientDescent(20, 0.05)
    single, double = (
        lib.simulate(*problem, dim=60, seeds=2, dtype=d) for d in ("float32", "float64")
    )
    np.testing.assert_allclose(single.train_loss, double.train_loss, rtol=2e-5)


@pytest.mark.parametrize("data", [lib.Data(), lib.Data(samples=2.0, noise=0.3)])
@pytest.mark.parametrize("shape", [{}, {"branch_scale": 0.9}], ids=["plain", "residual"])
@pytest.mark.parametrize("richness", [1e-2, 1e-5])
def test_single_precision_sees_a_centered_network_of_small_richness(richness, shape, data):
    """Its output is a small difference of large numbers, and is never formed as one."""
    network = lib.Network(2, 1.0, richness, centered=True, **shape)
    training = lib.GradientDescent(60, 0.05, weight_decay=1e-9)
    single, double = (
        lib.simulate(network, data, training, dim=60, seeds=[0, 1], dtype=d)
        for d in ("float32", "float64")
    )
    np.testing.assert_allclose(single.test_loss, double.test_loss, rtol=2e-5, atol=1e-9)
    excess, _ = plain_training(network, data, training, 60, seed=0)
    np.testing.assert_allclose(double.excess_loss[0], excess[0], rtol=1e-7, atol=1e-13)


@pytest.mark.parametrize("setting", ["default dtype", "autocast", "no grad"])
def test_what_torch_does_elsewhere_does_not_matter(setting):
    problem = lib.Network(2, 0.5), lib.Data(samples=2.0, noise=0.5), lib.GradientDescent(20, 0.05)
    call = {"dim": 60, "seeds": [0], "dtype": "float32"}
    expected = lib.simulate(*problem, **call).test_loss
    assert expected[0, -1] == pytest.approx(0.70394, abs=1e-5)
    context = {
        "default dtype": contextlib.nullcontext(),
        "autocast": torch.autocast("cpu", dtype=torch.bfloat16),
        "no grad": torch.no_grad(),
    }[setting]
    if setting == "default dtype":
        torch.set_default_dtype(torch.float64)
    try:
        with context:
            np.testing.assert_array_equal(lib.simulate(*problem, **call).test_loss, expected)
    finally:
        torch.set_default_dtype(torch.float32)


def test_products_keep_their_digits_whatever_torch_is_told():
    """Seen where torch would round them: on processors with bfloat16, and on GPUs."""
    problem = lib.Network(2, 0.5), lib.Data(samples=2.0, noise=0.5), lib.GradientDescent(20, 0.05)
    call = {"dim": 256, "seeds": [0], "dtype": "float32"}
    expected = lib.simulate(*problem, **call).test_loss
    torch.set_float32_matmul_precision("medium")
    try:
        np.testing.assert_array_equal(lib.simulate(*problem, **call).test_loss, expected)
        assert torch.get_float32_matmul_precision() == "medium", "and it stays as it was set"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_sweeps_of_several_outputs_fold_each_as_alone():
    network, data = lib.Network(2, 1.0, outputs=2), lib.Data(samples=2.0, noise=0.3)
    trainings = [lib.GradientDescent(90, rate, weight_decay=0.5) for rate in (0.01, 0.04, 0.08)]
    together = lib.simulate(network, data, trainings, dim=16, seeds=[1])
    for k, training in enumerate(trainings):
        excess, _ = plain_training(network, data, training, 16, seed=1)
        np.testing.assert_allclose(together.excess_by_output[k, 0], excess, rtol=1e-9)


# Verdicts


def test_divergence_is_inf_and_named_while_others_go_on():
    trainings = [lib.GradientDescent(80, eta) for eta in (0.02, 2.0)]
    runs = lib.simulate(lib.Network(2, 1.0), lib.Data(samples=2.0), trainings, dim=40, seeds=2)
    assert [status.name for status in runs.status[0]] == ["COMPLETE"] * 2
    for j, status in enumerate(runs.status[1]):
        assert status.outcome is lib.Outcome.DIVERGED
        assert np.isfinite(runs.test_loss[1, j, : status.step]).all()
        assert np.isposinf(runs.test_loss[1, j, status.step :]).all()
    assert np.isfinite(runs.train_loss[0]).all()


def test_seeds_together_are_the_seeds_alone(monkeypatch):
    problem = (
        lib.Network(2, (0.7, 1.3)),
        lib.Data(batch=0.5, noise=0.2),
        lib.GradientDescent(8, 0.1),
    )
    together = lib.simulate(*problem, dim=30, seeds=5, keep_errors=[3])
    monkeypatch.setattr("lib.networks.together.CACHE_BYTES", 1)
    alone = lib.simulate(*problem, dim=30, seeds=5, keep_errors=[3])
    np.testing.assert_array_equal(together.excess_by_output, alone.excess_by_output)
    np.testing.assert_array_equal(together.train_loss, alone.train_loss)
    np.testing.assert_array_equal(together.weight_error, alone.weight_error)


def test_no_step_copies_from_or_to_the_host(monkeypatch):
    """What would make a GPU wait: counted at every step after the first."""
    copies = []
    for name in ("cpu", "item", "numpy", "tolist", "__array__", "__bool__", "__float__"):
        monkeypatch.setattr(torch.Tensor, name, counted(getattr(torch.Tensor, name), copies))
    monkeypatch.setattr(torch, "from_numpy", counted(torch.from_numpy, copies))
    counts = []
    step = Lockstep.step
    monkeypatch.setattr(
        Lockstep, "step", lambda self, *args: (counts.append(len(copies)), step(self, *args))[1]
    )
    network, data = lib.Network(2, 1.0), lib.Data(samples=1.5, noise=0.3)
    lib.simulate(network, data, lib.GradientDescent(60, 0.05, weight_decay=0.3), dim=12, seeds=3)
    assert len(counts) == 61 and counts[-1] == counts[0]


def counted(function, calls):
    def call(*args, **options):
        calls.append(function)
        return function(*args, **options)

    return call


def test_an_interrupt_returns_what_is_finished(monkeypatch):
    monkeypatch.setattr("lib.networks.together.CACHE_BYTES", 1)  # one seed after the other
    problem = lib.Network(1, 1.0), lib.Data(batch=0.5), lib.GradientDescent(10, 0.05)
    whole = lib.simulate(*problem, dim=30, seeds=3)
    calls = iter(range(10**6))
    draw = Lockstep.step

    def step(self, t, sampling):
        if next(calls) == 15:
            raise KeyboardInterrupt
        return draw(self, t, sampling)

    monkeypatch.setattr(Lockstep, "step", step)
    partial = lib.simulate(*problem, dim=30, seeds=3)
    assert [status.name for status in partial.status] == ["COMPLETE", "INTERRUPTED", "INTERRUPTED"]
    assert [status.step for status in partial.status] == [None, 4, 0]
    np.testing.assert_array_equal(partial.test_loss[0], whole.test_loss[0])
    np.testing.assert_array_equal(partial.test_loss[1, :4], whole.test_loss[1, :4])
    assert np.isnan(partial.test_loss[1, 4:]).all() and np.isnan(partial.test_loss[2]).all()


@pytest.fixture
def threads(monkeypatch):
    """Threads for small networks too; yields the threads that have trained."""
    monkeypatch.setattr("lib.networks.together.THREAD_BYTES", 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    trained, step = set(), Lockstep.step

    def noted(self, t, sampling):
        trained.add(threading.get_ident())
        return step(self, t, sampling)

    monkeypatch.setattr(Lockstep, "step", noted)
    return trained


def test_threads_train_the_same_networks(threads, monkeypatch):
    problem = lib.Network(2, 0.8), lib.Data(batch=0.5, noise=0.2), lib.GradientDescent(40, 0.05)
    call = {"dim": 64, "seeds": [3, 1, (4, 1), 5], "keep_errors": [3]}
    side_by_side = lib.simulate(*problem, **call)
    assert len(threads) == 2 and threading.get_ident() not in threads
    monkeypatch.setattr("lib.networks.together.THREAD_BYTES", 2**60)
    alone = lib.simulate(*problem, **call)
    assert threading.get_ident() in threads
    for name in ("excess_by_output", "train_by_output", "weight_error"):
        np.testing.assert_array_equal(getattr(side_by_side, name), getattr(alone, name))


@pytest.mark.parametrize("where", ["in a thread", "while threads train"])
def test_an_interrupt_stops_all_threads(threads, monkeypatch, where):
    problem = lib.Network(1, 1.0), lib.Data(batch=0.5), lib.GradientDescent(2000, 0.001)
    step, torch_threads, heard = Lockstep.step, torch.get_num_threads(), threading.Event()

    def hear(*_):
        heard.set()
        raise KeyboardInterrupt

    def interrupted(self, t, sampling):
        if t == 15 and where == "in a thread":
            raise KeyboardInterrupt
        if t == 15 and not heard.is_set():
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            heard.wait()
        return step(self, t, sampling)

    monkeypatch.setattr(Lockstep, "step", interrupted)
    monkeypatch.setattr("lib.networks.together.CACHE_BYTES", 1)  # a seed at a time
    before = signal.signal(signal.SIGINT, hear)
    try:
        runs = lib.simulate(*problem, dim=30, seeds=3)
    finally:
        signal.signal(signal.SIGINT, before)
    assert [status.name for status in runs.status] == ["INTERRUPTED"] * 3
    # One thread has come to step 15; the others are where they are.
    assert np.isfinite(runs.test_loss[:, :15]).all(axis=1).any()
    assert np.isnan(runs.test_loss[:, -1]).all()
    assert torch.get_num_threads() == torch_threads


def test_an_error_in_a_thread_is_raised(threads, monkeypatch):
    def failing(self, t, sampling):
        raise RuntimeError("no room")

    monkeypatch.setattr(Lockstep, "step", failing)
    with pytest.raises(RuntimeError, match="no room"):
        lib.simulate(lib.Network(1, 1.0), lib.Data(), lib.GradientDescent(5, 0.1), dim=30, seeds=3)


# Bad input

NETWORK, DATA, TRAINING = lib.Network(2, 0.5), lib.Data(samples=1.0), lib.GradientDescent(3, 0.1)
POWER_LAW = lib.Data(spectrum=lib.Spectrum.power_law(20, 1.0, 1.0))

CALLS = [
    ({"dim": None}, "dim is missing"),
    ({"dim": 0}, "dim is 0"),
    ({"dim": 10.0}, "dim.*integer"),
    ({"dim": True}, "dim.*integer"),
    ({"seeds": 0}, "no seeds"),
    ({"seeds": []}, "no seeds"),
    ({"seeds": -1}, "seeds"),
    ({"seeds": 2.5}, "seeds.*integer"),
    ({"seeds": "3"}, "seeds.*integer"),
    ({"seeds": [1, -2]}, r"seeds\[1\]"),
    ({"seeds": [1, True]}, r"seeds\[1\]"),
    ({"seeds": np.array([0.5])}, r"seeds\[0\].*integer"),
    ({"dim": 10**6}, r"GB of memory, of which .* use a smaller dim"),
    ({"dim": 10**10}, "dim 10000000000 would take"),
    ({"data": lib.Data(samples=1e12)}, "fewer samples"),
    ({"network": lib.Network(1, 1e12)}, "GB of memory"),
    ({"device": "tpu-of-my-dreams"}, "device"),
    ({"device": "meta"}, "device"),
    ({"device": 1.5}, "device"),
    ({"dtype": "float16"}, "dtype"),
    ({"dtype": 64}, "dtype"),
    ({"progress": "yes"}, "progress"),
    ({"network": lib.Network(1, 0.01), "dim": 20}, "width 0.01 gives no unit at dim 20"),
    ({"data": lib.Data(samples=0.01), "dim": 20}, "samples 0.01 gives no unit"),
    ({"data": lib.Data(batch=0.01), "dim": 20}, "batch 0.01 gives no unit"),
    ({"network": lib.Network(1, math.inf)}, "width is infinite"),
    ({"network": lib.Network(math.inf, 1.0, branch_scale=1.0)}, "depth is infinite"),
    ({"data": POWER_LAW, "dim": 30}, "leave dim out"),
    (
        {"data": lib.Data(spectrum=lib.Spectrum([1, 2], [1, 1], [0.99, 0.01])), "dim": 20},
        "mode 1 of the spectrum without a direction",
    ),
    (
        {"network": lib.Network(1, 5, outputs=2), "data": POWER_LAW, "dim": None},
        "mode 0 of the spectrum has 1 direction.*rank 2",
    ),
    (
        {"network": lib.Network(1, 1.0, outputs=3), "data": several(2, "repeated, two modes")},
        "target_power is for 2 outputs, the network has 3",
    ),
    ({"training": [TRAINING, lib.GradientDescent(4, 0.1)]}, "differ in steps"),
]


@pytest.mark.parametrize("change, message", CALLS, ids=[message for _, message in CALLS])
def test_wrong_calls_are_refused_with_a_reason(change, message):
    call = {"network": NETWORK, "data": DATA, "training": TRAINING, "dim": 20, "seeds": 1} | change
    with pytest.raises(ValueError, match=message) as caught:
        lib.simulate(**call)
    assert ":" in str(caught.value), "the message should also say what to do"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_named():
    with pytest.raises(ValueError, match="no GPU: give 'cpu'"):
        lib.simulate(NETWORK, DATA, TRAINING, dim=20, device="cuda")
