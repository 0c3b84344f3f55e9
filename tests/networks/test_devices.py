"""Devices other than the host: nothing waits for them, and a seed is the same network on each.

Where there is no GPU, a stand-in (`references.far_device`) computes as the host does, refuses what a GPU
refuses and tells what makes one wait.
"""

import joblib
import numpy as np
import pytest
import torch
from references.far_device import AVAILABLE, DEVICE, far_device

import lib
from lib.networks import options, together
from lib.networks.fields import Lockstep
from lib.networks.trained_weights import rows_for

needs_stand_in = pytest.mark.skipif(not AVAILABLE, reason="this torch has no Python backends")


@pytest.fixture(scope="module")
def stand_in():
    return far_device()


# Waiting


@needs_stand_in
@pytest.mark.parametrize(
    "happens, event",
    [
        (lambda x: x.sum().item(), "_local_scalar_dense"),
        (lambda x: bool(x.sum() > 0), "_local_scalar_dense"),
        (lambda x: x.cpu(), "_to_copy"),
        (lambda x: torch.ones(3).to(DEVICE), "_to_copy"),
        (lambda x: x.copy_(torch.ones(3)), "copy_"),
        (lambda x: x[x > 0], "index by a mask"),
        (lambda x: x.nonzero(), "nonzero"),
        (lambda x: torch.where(x > 0, x, torch.tensor(0.0)), "a number of the host for where"),
    ],
)
def test_the_stand_in_tells_what_a_gpu_waits_for(stand_in, happens, event):
    with stand_in:
        x = torch.ones(3).to(DEVICE)
        stand_in.events.clear()
        x.mul_(2.0).add_(x, alpha=0.5)
        assert not stand_in.events and x.device == DEVICE
        happens(x)
        assert event in [what for what, _ in stand_in.events]


@needs_stand_in
def test_the_stand_in_refuses_what_a_gpu_refuses(stand_in):
    with stand_in:
        x = torch.ones(3).to(DEVICE)
        with pytest.raises(RuntimeError, match="two devices"):
            x + torch.ones(3)
        with pytest.raises(NotImplementedError):  # a list is an index of the host, copied unseen
            x[[0, 2]]


RNG = np.random.default_rng(0)
DATASET = lib.Dataset(RNG.normal(size=(60, 9)), RNG.normal(size=(60, 2)))
STEPS = 60
CASES = {
    "population": (lib.Data(noise=0.3), {"dim": 12}),
    "repeated": (lib.Data(samples=1.5, noise=0.3), {"dim": 12}),
    "one pass": (lib.Data(batch=1.5, noise=0.3), {"dim": 12}),
    "given, repeated": (DATASET.data(samples=20), {"dataset": DATASET}),
    "given, one pass": (DATASET.data(batch=7), {"dataset": DATASET}),
}


SHAPES = {"plain": {}, "residual, centered": {"branch_scale": 0.9, "centered": True}}


def sweep_of(case, shape):
    """Nine configurations of a case that fold their history, and how to call `simulate`."""
    data, call = CASES[case]
    given = "dataset" in call
    network = lib.Network(2, 8 if given else 1.0, outputs=2 if given else 1, **SHAPES[shape])
    trainings = [
        lib.GradientDescent(STEPS, rate, momentum=0.3, weight_decay=0.3)
        for rate in np.linspace(0.01, 0.05, 9)
    ]
    return (network, data, trainings), call | {"seeds": [4, 0, (1, 2)], "keep_errors": [3, 7]}


@needs_stand_in
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("shape", SHAPES)
def test_no_step_waits_for_the_device(stand_in, monkeypatch, case, shape):
    """Folding, momentum, decay and several groups of configurations included; numbers as on the host."""
    sweep, call = sweep_of(case, shape)
    network, data, trainings = sweep
    here = lib.simulate(*sweep, **call)
    monkeypatch.setattr("lib.networks.simulate.checked_device", torch.device)
    monkeypatch.setattr(torch, "inference_mode", torch.no_grad)  # the stand-in knows no other
    monkeypatch.setattr("lib.networks.samples.BLOCK_BYTES", 2**14)
    during, step = [], Lockstep.step

    def watched(self, t, sampling):
        during.append((t, list(stand_in.events)))  # since the step before: its draws, its errors
        stand_in.events.clear()
        step(self, t, sampling)
        during.append((t, list(stand_in.events)))
        stand_in.events.clear()

    monkeypatch.setattr(Lockstep, "step", watched)
    with stand_in:
        there = lib.simulate(*sweep, device=DEVICE, **call)
    events = [event for t, some in during if t for event in some]
    if data.batch is None:
        assert events == []
    else:
        assert 1 <= len(events) <= STEPS / 2 and set(events) == {("_to_copy", True)}
    groups = -(-len(trainings) // rows_for(network.outputs)[1])
    assert len(stand_in.events) == groups * 3, "losses and the errors of two steps, once for each"
    for name in ("excess_by_output", "train_by_output", "weight_error"):
        np.testing.assert_array_equal(getattr(there, name), getattr(here, name))


@pytest.mark.parametrize("case", ["one pass", "given, one pass"])
def test_blocks_of_draws_are_the_draws_one_by_one(monkeypatch, case):
    data, call = CASES[case]
    given = "dataset" in call
    network, training = lib.Network(1, 8 if given else 1.0, outputs=2 if given else 1), 25
    training = lib.GradientDescent(25, 0.05)
    alone = lib.simulate(network, data, training, seeds=[0, 1], **call)
    lengths = []

    def some(size, device):
        lengths.append(7)
        return lengths[-1]

    monkeypatch.setattr("lib.networks.samples.block_length", some)
    blocks = lib.simulate(network, data, training, seeds=[0, 1], **call)
    assert lengths == [7]
    np.testing.assert_array_equal(blocks.train_by_output, alone.train_by_output)


# Which devices there are, and their memory

PROBLEM = lib.Network(2, 1.0), lib.Data(samples=2.0, noise=0.3), lib.GradientDescent(10, 0.05)


def test_devices_that_do_not_exist_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert options.device("cuda:1") == torch.device("cuda", 1)
    assert options.device("cuda") == torch.device("cuda")
    with pytest.raises(ValueError, match="'cuda:2' but the last GPU is 'cuda:1': give that or"):
        lib.simulate(*PROBLEM, dim=20, device="cuda:2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for name in ("cuda", "cuda:1", torch.device("cuda")):
        with pytest.raises(ValueError, match="no GPU: give 'cpu'"):
            lib.simulate(*PROBLEM, dim=20, device=name)


def test_as_many_seeds_as_the_free_memory_of_a_gpu_holds(monkeypatch):
    gpu, free = torch.device("cuda", 0), 10_000
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 80_000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 3_000)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 1_000)
    room = together.FREE_PART * 12_000
    slices, *workers = together.batches(7, (room - 500) / 3, 500, gpu)
    assert slices == [slice(0, 3), slice(3, 6), slice(6, 9)] and workers == [1, 1]
    with pytest.raises(ValueError, match=r"'cuda:0', of which .* left: use a smaller dim"):
        together.batches(7, room, 500, gpu)


def test_threads_of_a_cpu_have_seeds_of_their_own(monkeypatch):
    here, much = torch.device("cpu"), 2 * together.THREAD_BYTES
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    monkeypatch.setattr("lib.checks.available", lambda: 1000 * much)
    assert together.batches(4, much, 0, here) == ([slice(i, i + 1) for i in range(4)], 4, 1)
    assert together.batches(1, much, 0, here)[1:] == (1, 4), "one large network: all threads"
    assert together.batches(3, much // 100, 0, here)[1:] == (1, 1), "small ones: no threads"
    monkeypatch.setattr("lib.checks.available", lambda: 3 * much)
    assert together.batches(4, much, 0, here)[1:] == (2, 1), "no more than the memory holds"


def test_what_a_seed_holds_is_counted():
    """Against the tensors that a run makes."""
    network, data, _ = PROBLEM
    trainings = [lib.GradientDescent(10, rate) for rate in (0.02, 0.05, 0.1)]
    held, start = [], together.Lockstep.__init__

    def counting(self, *args):
        start(self, *args)
        weights = self.weights
        parts = [*(thin.matrix for thin in weights.shared), *weights.h, *weights.g, self.losses]
        held.append((sum(x.numel() for x in parts), weights.all_kicks.numel()))

    counts = []

    def noted(*args):
        counts.append(numbers(*args))
        return counts[-1]

    numbers = together.numbers
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(together.Lockstep, "__init__", counting)
        patch.setattr("lib.networks.simulate.numbers", noted)
        lib.simulate(network, data, trainings, dim=48, seeds=[0])
    samples = 96 * (48 + 1)
    ((of_seed, common),) = counts
    assert of_seed == pytest.approx(held[0][0] + samples, rel=0.1) and common == held[0][1]


# Several devices


def test_seeds_are_dealt_to_devices_and_workers():
    networks, rates = [lib.Network(1, 1.0), lib.Network(2, 1.0)], [0.02, 0.05]
    sweep = networks, lib.Data(samples=2.0, noise=0.3), lib.GradientDescent(8, 0.1), rates
    call = {"dim": 30, "seeds": [5, 3, 8]}
    alone = lib.measured_rate_curves(*sweep, **call)
    with joblib.parallel_config(backend="loky", n_jobs=2):
        dealt = lib.measured_rate_curves(*sweep, **call, device=["cpu", torch.device("cpu")])
    for loss in ("test_loss", "train_loss"):
        np.testing.assert_array_equal(dealt.final(loss), alone.final(loss))
    assert [result.seeds for result in dealt.results] == [(5, 3, 8)] * 2
    with pytest.raises(ValueError, match="empty list: give 'cpu'"):
        lib.measured_rate_curves(*sweep, **call, device=[])


def test_each_seed_has_its_device(monkeypatch):
    asked, simulate = [], lib.simulate

    def noted(*args, seeds, device, **options):
        asked.append((seeds, device))
        return simulate(*args, seeds=seeds, **options)

    monkeypatch.setattr("lib.networks.simulate.simulate", noted)
    sweep = [lib.Network(1, 1.0)], lib.Data(), lib.GradientDescent(3, 0.1), [0.02]
    devices = ["cuda:0", "cuda:1"]
    lib.measured_rate_curves(*sweep, dim=20, seeds=[5, 3, 8], device=devices)
    assert asked == [([5], "cuda:0"), ([3], "cuda:1"), ([8], "cuda:0")]


# A real GPU, where there is one

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


@needs_gpu
@pytest.mark.parametrize("dtype, accuracy", [("float64", 1e-10), ("float32", 3e-4)])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_gpu_gives_the_losses_of_the_host(case, shape, dtype, accuracy):
    sweep, call = sweep_of(case, shape)
    here, there = (
        lib.simulate(*sweep, **call, dtype=dtype, device=device) for device in ("cpu", "cuda")
    )
    for name in ("excess_by_output", "train_by_output", "weight_error"):
        found, known = getattr(there, name), getattr(here, name)
        np.testing.assert_allclose(found, known, rtol=accuracy, atol=accuracy * np.abs(known).max())
    assert (there.status == here.status).all()


@needs_gpu
@pytest.mark.parametrize("case", CASES)
def test_no_step_waits_for_a_gpu(monkeypatch, case):
    """Torch raises if one does, from the end of step 0 to the end of the last step."""
    sweep, call = sweep_of(case, "plain")
    made, step = [], Lockstep.step

    def watched(self, t, sampling):
        step(self, t, sampling)
        made.append(t)
        torch.cuda.set_sync_debug_mode("error" if t < STEPS else "default")

    monkeypatch.setattr(Lockstep, "step", watched)
    try:
        lib.simulate(*sweep, **call, device="cuda")
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert max(made) == STEPS


@needs_gpu
def test_a_gpu_holds_what_is_counted(monkeypatch):
    sweep = [lib.GradientDescent(40, rate) for rate in (0.02, 0.05, 0.1)]
    held, numbers = [], together.numbers

    def noted(*args):
        held.append(numbers(*args))
        return held[-1]

    monkeypatch.setattr("lib.networks.simulate.numbers", noted)
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    lib.simulate(*PROBLEM[:2], sweep, dim=2000, seeds=[0, 1], dtype="float32", device="cuda")
    of_seed, common = held[0]
    used = torch.cuda.max_memory_allocated() - before
    counted = 4 * (2 * of_seed + common)
    assert used * together.FREE_PART < counted < 1.5 * used, (used, counted)


@needs_gpu
def test_few_seeds_at_a_time_are_all_of_them_at_once(monkeypatch):
    sweep, call = sweep_of("repeated", "plain")
    at_once = lib.simulate(*sweep, **call, device="cuda")
    dealt = [slice(0, 1), slice(1, 3)], 1, 1
    monkeypatch.setattr("lib.networks.simulate.batches", lambda *sizes: dealt)
    in_turn = lib.simulate(*sweep, **call, device="cuda")
    np.testing.assert_allclose(in_turn.train_loss, at_once.train_loss, rtol=1e-12)
