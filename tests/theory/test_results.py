"""What a solution holds, says and gives at other times, and what does not fit into memory."""

import copy
import pickle

import numpy as np
import pytest

import lib

NETWORK, DATA = lib.Network(2, 0.5), lib.Data(samples=2.0, noise=0.5)
SOLVED = lib.solve(NETWORK, DATA, lib.GradientDescent(20, 0.05))
FLOW = lib.solve(lib.Network(1, 1.0), DATA, lib.GradientFlow(3.0))
SWEEP = lib.solve([NETWORK, lib.Network(2, 0.5, 2.0)], DATA, lib.GradientDescent(20, 0.05))

# At other times


@pytest.mark.parametrize("solution", [SOLVED, FLOW, SWEEP], ids=["steps", "flow", "sweep"])
def test_other_times_of_other_times_are_those_of_the_solution(solution):
    times = np.linspace(0, solution.times[-1], 7)
    coarse = solution.at(times)
    for again in (0.3, [2.2, 0.1, 0.1], np.array([[1.0, 2.0], [0.0, 2.5]])):
        np.testing.assert_array_equal(coarse.at(again).test_loss, solution.at(again).test_loss)
        np.testing.assert_array_equal(
            coarse.at(1.0).at(again).excess_by_output, solution.at(again).excess_by_output
        )
    np.testing.assert_array_equal(solution.at(solution.times).train_loss, solution.train_loss)


def test_a_copy_from_elsewhere_answers_too():
    for kept in (
        pickle.loads(pickle.dumps(FLOW)),
        copy.deepcopy(FLOW),
        pickle.loads(pickle.dumps(FLOW.at([0, 3.0]))),
    ):
        np.testing.assert_array_equal(kept.at(1.234).test_loss, FLOW.at(1.234).test_loss)


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ([], "empty"),
        (-1, "between 0 and 20"),
        (20.5, "more steps"),
        (np.nan, "between"),
        ("a", "numbers"),
    ],
)
def test_times_that_do_not_fit(times, words):
    with pytest.raises(ValueError, match=words):
        SOLVED.at(times)


# Two-time matrices


def test_matrices_are_kept_or_it_is_said_why_not():
    problem = lib.Network(1, 1.0), DATA
    nodes = lib.solve(
        *problem, lib.GradientDescent(400, 0.05), grid=lib.Nodes(), keep_matrices=True
    )
    exact = lib.solve(*problem, lib.GradientDescent(400, 0.05), keep_matrices=True)
    steps = nodes.times.astype(int)
    assert len(steps) < 200 and isinstance(exact.grid, lib.EveryStep)
    for name in ("C_v", "C_Delta"):
        expected = getattr(exact, name)[np.ix_(steps, steps)]
        np.testing.assert_allclose(getattr(nodes, name), expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(
        nodes.C_h[1], exact.C_h[1][np.ix_(steps, steps)], rtol=1e-6, atol=1e-9
    )
    assert FLOW.C_v.shape == (len(FLOW.times),) * 2
    with pytest.raises(ValueError, match="moments in place of two-time matrices"):
        lib.solve(
            *problem, lib.GradientDescent(70, 0.1), grid=lib.CompressedPast(), keep_matrices=True
        )
    with pytest.raises(ValueError, match="solve one by one"):
        lib.solve(*problem, [lib.GradientFlow(1.0)] * 2, keep_matrices=True)


# In a few lines


@pytest.mark.parametrize("solution", [SOLVED, FLOW, SWEEP, SOLVED.at(3.0)])
def test_a_solution_prints_itself_in_a_few_lines(solution):
    text, page = repr(solution), solution._repr_html_()
    assert len(text.splitlines()) < 15 and len(text) < 1500
    for word in ("Solution", "Network", "Data", "test_loss", "residual", "error"):
        assert word in text
    assert ("<svg" in page) == (np.size(solution.times) > 1) and len(page) < 20_000
    assert all(
        str(status.name) in text or str(status) in text for status in np.ravel(solution.status)
    )


# Memory


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: simulate(seeds=10**9), "seeds would take"),
        (
            lambda: simulate(2000, dim=500, seeds=10_000, keep_errors=range(2001)),
            "results of 10000 runs",
        ),
        (
            lambda: simulate(trainings=[lib.GradientDescent(8000, 0.01 * i) for i in range(1, 7)]),
            "K of 6",
        ),
        (lambda: simulate(dim=10**6), "training one seed"),
        (
            lambda: lib.solve(
                lib.Network(1, 1.0), DATA, lib.GradientDescent(10**5, 0.1), grid=lib.EveryStep()
            ),
            "one by one",
        ),
        (lambda: lib.Spectrum.power_law(10**12, 1.5, 0.5).eigenvalues, "modes"),
    ],
)
def test_what_does_not_fit_into_memory_is_refused_before_it_starts(call, words, monkeypatch):
    """On a machine with two gigabytes left."""
    monkeypatch.setattr("lib.checks.available", lambda: 2 * 10**9)
    with pytest.raises(ValueError, match=f"{words}.* of memory, of which 2 GB are left"):
        call()


def simulate(steps=3, dim=16, seeds=1, trainings=None, **options):
    trainings = trainings or lib.GradientDescent(steps, 0.1)
    return lib.simulate(lib.Network(1, 1.0), lib.Data(), trainings, dim=dim, seeds=seeds, **options)
