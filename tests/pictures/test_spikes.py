"""Spikes of the page, run in node, against `lib.weight_outliers` and numpy."""

import html
import json
import math
import re

import numpy as np
import pytest
from javascript import LIVE, run

import lib
from lib.pictures import live, live_figure
from lib.questions.weight_outliers import bulk_density

SCRIPTS = ["march.js", "spikes.js"]
OUTLIERS = """problems.map((p) => {
  const found = DeepLinear.outliers(p, DeepLinear.solve({ ...p, keep: true }));
  return found && found.map(({ gain, upper }) => [gain, ...upper]);
})"""


def random_problems(count, seed):
    """Problems that are rich enough for spikes, all data regimes, equal and unequal widths."""
    rng = np.random.default_rng(seed)
    problems = []
    for i in range(count):
        depth = int(rng.integers(1, 4))
        widths = rng.uniform(0.3, 3, depth if i % 2 else 1).tolist()
        richness = float(rng.uniform(4, 12))
        problem = {
            "widths": widths if i % 2 else widths * depth,
            "richness": richness,
            "noise": float(rng.uniform(0, 0.5)),
            "learningRate": 0.3 / ((depth + 1) * richness ** (2 * depth / (depth + 1))),
            "steps": int(rng.integers(1, 60)),
        }
        regime = (None, "samples", "batch")[i % 3]
        sizes = {None: {}, "samples": {"samples": 2.0}, "batch": {"batch": 0.2}}
        problems.append(problem | sizes[regime])
    return problems


def theory_of(problem):
    return lib.weight_outliers(
        lib.Network(len(problem["widths"]), problem["widths"], problem["richness"]),
        lib.Data(
            samples=problem.get("samples"), batch=problem.get("batch"), noise=problem["noise"]
        ),
        lib.GradientDescent(problem["steps"], problem["learningRate"]),
        problem["steps"],
    )


def difference(problems, found):
    """Largest relative difference of gains and outliers; inf where their numbers differ."""
    worst, outliers = 0.0, 0
    for problem, matrices in zip(problems, found, strict=True):
        theory = theory_of(problem)
        for l, (gain, *upper) in enumerate(matrices):
            expected = theory.upper[0, l]
            expected = expected[np.isfinite(expected)]
            if len(expected) != len(upper):
                return math.inf, outliers
            outliers += len(upper)
            gaps = np.abs(np.array(upper) / expected - 1)
            worst = max(worst, abs(gain / theory.gain[0, l] - 1), gaps.max(initial=0.0))
    return worst, outliers


def test_the_page_has_the_outliers_of_lib():
    problems = random_problems(24, seed=0)
    worst, outliers = difference(problems, run(SCRIPTS, OUTLIERS, problems=problems))
    assert worst < 1e-8
    assert outliers > 20


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("const response = factor * R_h", "const response = 0 * R_h"),
        ("back * factor * y", "0 * y"),
        ("(x) => G_x * x)", "(x) => 0 * x)"),
        ("factor: above.kappa", "factor: 1"),
    ],
)
def test_a_page_without_one_term_is_noticed(right, wrong):
    source = (LIVE / "spikes.js").read_text()
    assert source.count(right) == 1
    problems = random_problems(8, seed=1)
    found = run(["march.js", source.replace(right, wrong)], OUTLIERS, problems=problems)
    assert difference(problems, found)[0] > 1e-3


def test_a_diverged_run_has_none():
    problem = random_problems(1, seed=2)[0] | {"learningRate": 5.0, "steps": 30}
    assert run(SCRIPTS, OUTLIERS, problems=[problem]) == [None]


@pytest.mark.parametrize("shape", [(12, 12), (9, 20), (20, 9), (1, 5)])
def test_singular_values_of_the_page(shape):
    W = np.random.default_rng(0).standard_normal(shape)
    found = run(
        SCRIPTS, "DeepLinear.singularValues(w, rows, columns)",
        w=W.ravel().tolist(), rows=shape[0], columns=shape[1],
    )  # fmt: skip
    expected = np.linalg.svd(W / math.sqrt(shape[1]))[1][::-1]
    np.testing.assert_allclose(found, expected, atol=1e-7, rtol=1e-7)


def test_eigenvalues_of_the_page():
    A = np.random.default_rng(1).standard_normal((15, 15))
    A = A + A.T
    found = run(
        SCRIPTS,
        "(() => { const m = DeepLinear.tridiagonal(Float64Array.from(a), 15);"
        " return Array.from({ length: 15 }, (_, k) => DeepLinear.eigenvalue(m, k)); })()",
        a=A.ravel().tolist(),
    )
    np.testing.assert_allclose(found, np.linalg.eigvalsh(A), atol=1e-11)


FIGURE = {
    "network": lib.Network(2, 1.0, 8.0),
    "data": lib.Data(),
    "training": lib.GradientDescent(30, 0.008),
    "sliders": {"richness": (1, 10), "steps": (1, 60)},
    "name": "spikes",
    "alt": "Spectra of two matrices.",
    "losses": (),
    "bowl": False,
    "spikes": True,
    "dim": 50,
    "seeds": 2,
    "bowl_steps": 10,
    "share": False,
}


def test_a_figure_with_spikes_says_so_to_the_page_and_draws_a_picture():
    text = live.page(live_figure.describe(**FIGURE))
    settings = json.loads(html.unescape(re.search(r'data-live="([^"]*)"', text)[1]))
    assert settings["spikes"] is True and settings["losses"] == []
    assert "data:image/png;base64," in text
    with pytest.raises(ValueError, match="spikes=True"):
        live_figure.describe(**FIGURE | {"spikes": False})


def test_the_python_of_a_figure_with_spikes_runs_and_agrees():
    state = live_figure.describe(**FIGURE).state
    lines, found = run(
        ["march.js", "spikes.js", "controls.js", "python.js"],
        "(() => { const p = { ...DeepLinear.problemOf(s), keep: true };"
        " return [DeepLinear.toPython(s, null, true), DeepLinear.outliers(p, DeepLinear.solve(p))]; })()",
        s=state | {"seeds": 0},
    )
    names = {}
    exec(lines, names)
    expected = names["spikes"].upper[0, :, 0]
    assert [one["upper"][0] for one in found] == pytest.approx(expected, rel=1e-8)


def test_networks_of_the_page_can_keep_their_matrices():
    """W(T) of the page's own draws, trained by its own gradient: its spike is that of the theory."""
    problem = {"widths": [1.0], "richness": 8.0, "noise": 0.0, "learningRate": 0.01, "steps": 40}
    values = run(
        ["march.js", "networks.js", "spikes.js"],
        "seeds.map((seed) => { const g = DeepLinear.train({ ...p, keep: true }, 60, seed);"
        " let step; do step = g.next(); while (!step.done);"
        " const { weights, rows, columns } = step.value.matrices[0];"
        " return DeepLinear.singularValues(weights, rows, columns).at(-1); })",
        p=problem,
        seeds=lib.seeds(20),
    )
    expected = theory_of(problem).upper[0, 0, 0]
    check = lib.agree(expected, np.array(values), allowance=1 / 60)
    assert check and check.catches < 0.12, check


@pytest.mark.parametrize("rho", [0.3, 1.0, 2.5])
def test_the_bulk_is_a_density(rho):
    low, high = 0.7 * abs(1 - math.sqrt(rho)), 0.7 * (1 + math.sqrt(rho))
    angle = (np.arange(2000) + 0.5) * np.pi / 2000
    z = (high + low) / 2 + (high - low) / 2 * np.cos(angle)
    weight = (high - low) / 2 * np.sin(angle) * np.pi / 2000
    assert np.sum(weight * bulk_density(z, (low, high))) == pytest.approx(1, abs=1e-4)
