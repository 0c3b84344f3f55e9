"""Optimizers: closed forms of K and d, limits, and networks."""

import numpy as np
import pytest

import lib

STEPS = 12
T, S = np.tril_indices(STEPS + 1, -1)
RATES = np.linspace(0.1, 0.02, STEPS)
DATA = lib.Data(samples=2, noise=0.3)
NETWORK = lib.Network(2, 1.0)


def test_kernels_have_closed_forms():
    eta, mu, omega = 0.1, 0.6, 0.3
    d = np.cumprod([1, *(1 - omega * RATES)])
    expected = {
        lib.GradientDescent(STEPS, RATES): RATES[S],
        lib.GradientDescent(STEPS, eta, momentum=mu): eta * (1 - mu ** (T - S)) / (1 - mu),
        lib.GradientDescent(STEPS, eta, momentum=mu, nesterov=True): eta
        * (1 - mu ** (T - S + 1))
        / (1 - mu),
        lib.GradientDescent(STEPS, RATES, weight_decay=omega): RATES[S] * d[T] / d[S + 1],
    }
    for training, kernel in expected.items():
        memory = training.memory()
        assert memory.K[T, S] == pytest.approx(kernel, rel=1e-12)
        assert not np.triu(memory.K).any()
        decayed = d if training.weight_decay else 1.0
        assert memory.decay == pytest.approx(decayed * np.ones(STEPS + 1), rel=1e-12)


@pytest.mark.parametrize("rate", [0.1, RATES], ids=["steady", "schedule"])
@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("options", [{}, {"momentum": 0.6}, {"momentum": 0.6, "nesterov": True}])
def test_the_learning_time_is_what_a_constant_gradient_moves(rate, decay, options):
    training = lib.GradientDescent(STEPS, rate, weight_decay=decay, **options)
    expected = training.memory().K[-1].sum()
    assert training.learning_time == pytest.approx(expected, rel=1e-12)
    assert lib.GradientFlow(2.5).learning_time == 2.5
    assert lib.GradientDescent(10**9, 1e-3).learning_time == pytest.approx(1e6, rel=1e-9)


def test_weight_decay_alone_shrinks_the_function():
    """With rates so small that nothing is learned, f at step t is d(t)^(L + 1) times that at 0."""
    omega, rate = 4e4, 1e-6
    training = lib.GradientDescent(20, rate, weight_decay=omega)
    network = lib.Network(3, 0.5, 0.8)
    size = 1 / (0.8**2 * 0.5)
    excess = lib.solve(network, lib.Data(), training).excess_loss
    d = (1 - rate * omega) ** np.arange(21)
    assert excess == pytest.approx(1 + size * d ** (2 * 4), rel=1e-3)


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_small_steps_tend_to_one_flow(momentum):
    """At fixed effective rate times steps the error halves with the rate, and the limit is common."""

    def at_end(rate, momentum):
        training = lib.GradientDescent(round(2 / rate), rate * (1 - momentum), momentum=momentum)
        return lib.solve(NETWORK, DATA, training, keep_matrices=False).excess_loss[-1]

    coarse, middle, fine = (at_end(rate, momentum) for rate in (0.02, 0.01, 0.005))
    assert (coarse - middle) / (middle - fine) == pytest.approx(2, rel=0.1)
    plain = 2 * at_end(0.005, 0.0) - at_end(0.01, 0.0)
    assert 2 * fine - middle == pytest.approx(plain, rel=2e-3)


def test_networks_follow_every_optimizer():
    trainings = [
        lib.GradientDescent(STEPS, RATES),
        lib.GradientDescent(STEPS, 0.02, momentum=0.6),
        lib.GradientDescent(STEPS, 0.02, momentum=0.6, nesterov=True),
        lib.GradientDescent(STEPS, 0.05, weight_decay=0.5),
    ]
    theory = lib.solve(NETWORK, DATA, trainings)
    runs = lib.simulate(NETWORK, DATA, trainings, dim=200, seeds=120, dtype="float32")
    for k in range(len(trainings)):
        for loss in ("excess_loss", "train_loss"):
            pair = getattr(theory, loss)[k], getattr(runs, loss)[k]
            check = lib.agree(*pair, allowance=4 / 200)
            assert check and check.catches < 0.1, check


def test_trainings_are_equal_if_they_say_the_same():
    rates = [0.1, 0.2, 0.3]
    one, other = (lib.GradientDescent(3, values) for values in (rates, np.array(rates)))
    assert one == other and hash(one) == hash(other) and len({one, other}) == 1
    assert one != lib.GradientDescent(3, 0.1) and one != lib.GradientDescent(3, [0.1, 0.2, 0.4])
    assert one != lib.GradientDescent(3, rates, weight_decay=0.1) and one != "training"
    assert lib.GradientDescent(3, 0.1) == lib.GradientDescent(3, np.float64(0.1))
    assert one != lib.GradientDescent(3, rates, layer_rates=[1, 2])


def test_data_are_equal_if_they_say_the_same():
    modes = [2.0, 1.0], [0.0, 1.0], [0.5, 0.5]
    one, other = (lib.Data(batch=1, spectrum=lib.Spectrum(*modes)) for _ in range(2))
    assert one == other and len({one, other, lib.Data()}) == 2
    assert lib.Data() == lib.Data(spectrum=lib.Spectrum.isotropic())
    assert lib.Spectrum(*modes) != lib.Spectrum.trace_class(*modes[:2])
    assert one.spectrum != lib.Spectrum([2.0, 1.0], [1.0, 1.0], [0.5, 0.5])
