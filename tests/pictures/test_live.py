"""Live figures: the scripts of the page, run in node, against `lib`; and the widgets of a notebook."""

import json
import math
import re
from contextlib import contextmanager
from itertools import pairwise

import nbformat
import numpy as np
import pytest
import torch
from javascript import LIVE, run
from jupyter_core.utils import run_sync
from nbclient import NotebookClient

import lib
from lib.pictures import live, live_figure
from lib.pictures.live_widget import LiveWidget

CURVES = {"testLoss": "test_loss", "excessLoss": "excess_loss", "trainLoss": "train_loss"}


def random_problems(count, seed):
    """Problems of DeepLinear.solve, all data regimes, every third with unequal widths."""
    rng = np.random.default_rng(seed)

    def between(low, high):
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    problems = []
    for i in range(count):
        depth = int(rng.integers(1, 7))
        widths = [between(0.2, 5) for _ in range(depth)] if i % 2 else [between(0.2, 5)] * depth
        problem = {
            "widths": widths,
            "richness": between(0.2, 5),
            "noise": float(rng.uniform(0, 1)),
            "learningRate": between(0.002, 0.4),
            "steps": int(rng.integers(1, 60)),
        }
        regime = (None, "samples", "batch")[i % 3]
        problems.append(problem | ({regime: between(0.2, 5)} if regime else {}))
    return problems


def theory_of(problem):
    return lib.solve(
        lib.Network(len(problem["widths"]), problem["widths"], problem["richness"]),
        lib.Data(
            samples=problem.get("samples"), batch=problem.get("batch"), noise=problem["noise"]
        ),
        lib.GradientDescent(problem["steps"], problem["learningRate"]),
        keep_matrices=False,
    )


def relative_difference(theory, curves):
    """Largest relative difference of all losses; inf where only one of the two has diverged.

    Both programs round at 1e-16 of the initial loss, so losses below 1e-4 of it are measured by that.
    """
    worst = 0.0
    for theirs, ours in CURVES.items():
        expected, found = getattr(theory, ours), np.array(curves[theirs], float)
        finite = np.isfinite(expected)
        if (finite != np.isfinite(found)).any():
            return math.inf
        gaps = np.abs(found[finite] - expected[finite])
        gaps /= np.maximum(expected[finite], 1e-4 * expected[0])
        worst = max(worst, gaps.max(initial=0.0))
    return worst


# The march


def test_the_march_equals_the_solver():
    problems = random_problems(60, seed=0)
    solved = run(["march.js"], "problems.map((p) => DeepLinear.solve(p))", problems=problems)
    diverged = 0
    for problem, curves in zip(problems, solved, strict=True):
        theory = theory_of(problem)
        assert relative_difference(theory, curves) < 1e-9, problem
        assert curves["divergedAt"] == theory.status.step
        diverged += theory.status.step is not None
    assert 3 <= diverged <= 30


MUTATIONS = {
    "memory of the layers": ("this.rate * C[at + s]", "0.99 * this.rate * C[at + s]"),
    "width ratio": ("nu === last ? 1 : last / nu", "1"),
    "response of the signal to the output": ("(-this.inverseWidth / this.richness) *", "0 *"),
    "noise of the data": ("sum[s] = regime.seen[s] + regime.Q[at + s]", "sum[s] = regime.seen[s]"),
    "memory of repeated data": ("R_Delta[at + s] = work[s] / size", "R_Delta[at + s] = 0"),
    "noise of the widths": ("sum[s] = fromWidth *", "sum[s] = 0 *"),
    "white noise of a batch": ("this.C_Delta[t * this.n + t] / this.size", "0"),
    "label noise": ("noise ** 2 * sums[t] * sums[s]", "noise ** 2"),
}


@pytest.mark.parametrize("term", MUTATIONS)
def test_a_march_without_one_term_is_noticed(term):
    right, wrong = MUTATIONS[term]
    source = (LIVE / "march.js").read_text()
    assert source.count(right) == 1
    problems = random_problems(12, seed=1)
    solved = run(
        [source.replace(right, wrong)],
        "problems.map((p) => DeepLinear.solve(p))",
        problems=problems,
    )
    worst = max(
        relative_difference(theory_of(problem), curves)
        for problem, curves in zip(problems, solved, strict=True)
    )
    assert worst > 1e-3


def test_the_march_is_a_small_script_on_its_own():
    source = (LIVE / "march.js").read_text()
    assert len(source.splitlines()) < 400
    for script in LIVE.glob("*.js"):
        code = script.read_text()
        assert not re.search(
            r"^\s*(import|export)\b|\bfetch\(|https?://(?!www\.w3\.org)", code, re.M
        )


# The networks

ALL = """
function exhaust(generator) {
  let step;
  do step = generator.next(); while (!step.done);
  return step.value;
}
function first(normal, count) {
  return Array.from({ length: count }, () => normal());
}
"""
NETWORKS = ["march.js", "networks.js", ALL]

SMALL = {
    "widths": [0.5, 1.5, 1.0],
    "richness": 0.8,
    "noise": 0.4,
    "learningRate": 0.05,
    "steps": 12,
}


@pytest.mark.parametrize("regime", [{}, {"samples": 1.5}, {"batch": 0.5}])
def test_a_network_of_the_page_is_gradient_descent(regime):
    """The same draws, trained by automatic differentiation of the loss."""
    problem, dim, seed = SMALL | regime, 12, 3
    sizes = [dim, *(round(nu * dim) for nu in problem["widths"]), 1]
    shapes = [(above, below) for below, above in pairwise(sizes)]
    samples = round(max([*regime.values(), 0]) * dim)
    draws = (problem["steps"] + 1) * samples * (dim + 1)
    trained, weights, data = run(
        NETWORKS,
        "[exhaust(DeepLinear.train(p, dim, seed)), first(DeepLinear.normals(seed, 0), n),"
        " first(DeepLinear.normals(seed, 1), m)]",
        p=problem,
        dim=dim,
        seed=seed,
        n=sum(math.prod(shape) for shape in shapes),
        m=draws,
    )
    pieces = torch.tensor(weights, dtype=torch.float64).split([math.prod(s) for s in shapes])
    W = [piece.reshape(s).requires_grad_() for piece, s in zip(pieces, shapes, strict=True)]
    data = iter(torch.tensor(data, dtype=torch.float64).split(samples * (dim + 1) or 1))
    gamma, sigma = problem["richness"], problem["noise"]
    rate = problem["learningRate"] * gamma**2 * sizes[-2]
    star = torch.ones(dim, dtype=torch.float64)
    for t in range(problem["steps"] + 1):
        if regime and (t == 0 or "batch" in regime):
            drawn = next(data)
            X, eps = drawn[: samples * dim].reshape(samples, dim), drawn[samples * dim :]
        end_to_end = torch.eye(dim, dtype=torch.float64)
        for matrix in W[:-1]:
            end_to_end = matrix @ end_to_end / math.sqrt(matrix.shape[1])
        beta = (W[-1] @ end_to_end)[0] * dim / (gamma * sizes[-2])
        v = star - beta
        excess = v @ v / dim
        loss = ((X @ v / math.sqrt(dim) + sigma * eps) ** 2).mean() if regime else excess + sigma**2
        assert trained["excessLoss"][t] == pytest.approx(excess.item(), rel=1e-10)
        assert trained["testLoss"][t] == pytest.approx(excess.item() + sigma**2, rel=1e-10)
        assert trained["trainLoss"][t] == pytest.approx(loss.item(), rel=1e-10)
        gradients = torch.autograd.grad(loss / 2, W)
        with torch.no_grad():
            for matrix, gradient in zip(W, gradients, strict=True):
                matrix -= rate * gradient


def test_networks_of_the_page_meet_the_theory():
    problem = {"widths": [0.5, 0.5], "richness": 1.0, "noise": 0.5, "samples": 2.0}
    problem |= {"learningRate": 0.05, "steps": 20}
    runs = run(
        NETWORKS,
        "seeds.map((seed) => exhaust(DeepLinear.train(p, 200, seed)))",
        p=problem,
        seeds=lib.seeds(60),
    )
    for theirs, ours in CURVES.items():
        expected = getattr(theory_of(problem), ours)
        check = lib.agree(expected, [one[theirs] for one in runs], allowance=2 / 200)
        assert check and check.catches < 0.1, check


def test_normal_numbers_are_normal():
    """Moments within five standard errors; seeds and streams are uncorrelated."""
    n = 200_000
    a, b, c = (
        np.array(x)
        for x in run(
            NETWORKS, "streams.map(([s, k]) => first(DeepLinear.normals(s, k), n))",
            streams=[[0, 0], [1, 0], [0, 1]], n=n,
        )
    )  # fmt: skip
    for x in (a, b, c):
        for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
            assert abs(np.mean(x**power) - moment) < 5 * math.sqrt(variance / n)
        assert abs(np.mean(x[1:] * x[:-1])) < 5 / math.sqrt(n)
    for x, y in ((a, b), (a, c), (b, c)):
        assert abs(np.mean(x * y)) < 5 / math.sqrt(n)


def test_a_diverging_network_says_so():
    problem = SMALL | {"learningRate": 5.0, "steps": 60}
    trained = run(NETWORKS, "exhaust(DeepLinear.train(p, 20, 0))", p=problem)
    at = trained["divergedAt"]
    assert 0 < at < 60
    for name in CURVES:
        assert np.isfinite(np.array(trained[name][:at], float)).all()
        assert trained[name][at:] == ["Infinity"] * (61 - at)


def test_mean_and_standard_error():
    rng = np.random.default_rng(0)
    curves = rng.normal(size=(5, 3))
    found = run(NETWORKS, "[0, 1, 2].map((t) => DeepLinear.summarise(c, t))", c=curves.tolist())
    errors = curves.std(axis=0, ddof=1) / math.sqrt(5)
    np.testing.assert_allclose([one["mean"] for one in found], curves.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose([one["error"] for one in found], errors, rtol=1e-12)


# State, address and Python

STATE = {
    "depth": 3,
    "width": 0.8,
    "richness": 1.7,
    "parameterization": "mean-field",
    "data": "population",
    "samples": 2.0,
    "batch": 0.5,
    "noise": 0.3,
    "learning_rate": 0.04,
    "steps": 30,
    "bowl_steps": 10,
    "dim": 25,
    "seeds": 0,
}
SLIDERS = {
    name: list(offered) for name, offered in (live_figure.RANGES | live_figure.CHOICES).items()
}
LOGARITHMIC = {"width", "richness", "samples", "batch", "learning_rate"}
STATES = [
    STATE,
    STATE | {"parameterization": "ntk", "data": "samples", "seeds": 2},
    STATE | {"data": "batch", "batch": 1.0, "learning_rate": 1e-7},
    STATE | {"width": [0.5, 2.0, 0.25], "parameterization": "ntk", "data": "samples"},
]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("grid", [None, {"widths": [0.5, 8], "learning_rates": [0.01, 0.1]}])
def test_the_python_of_a_figure_runs_and_agrees(state, grid):
    lines, curves, bowls = run(
        ["march.js", "networks.js", "controls.js", "python.js"],
        "[DeepLinear.toPython(s, grid), DeepLinear.solve(DeepLinear.problemOf(s)),"
        " ['mean-field', 'ntk'].map((parameterization) => [0.5, 8].map((width) =>"
        " [0.01, 0.1].map((learning_rate) => DeepLinear.solve(DeepLinear.problemOf("
        "{ ...s, parameterization, width, learning_rate, steps: s.bowl_steps })).testLoss.at(-1))))]",
        s=state,
        grid=grid,
    )
    names = {}
    exec(lines, names)
    assert relative_difference(names["theory"], curves) < 1e-9
    assert ("runs" in names) == (state["seeds"] > 0)
    if grid:
        found = [
            names["bowls"][kind, nu] for kind in ("mean-field", "ntk") for nu in grid["widths"]
        ]
        np.testing.assert_allclose(found, np.array(bowls, float).reshape(4, 2), rtol=1e-9)


def test_a_state_survives_its_address():
    state = STATES[1] | {"width": 0.123456789, "noise": 0.0}
    fragment, found = run(
        ["controls.js"],
        "(() => { const f = DeepLinear.toFragment(s, k); return [f, DeepLinear.fromFragment('#' + f, k)]; })()",
        s=state,
        k=SLIDERS,
    )
    assert found == state and " " not in fragment


@pytest.mark.parametrize(
    ("fragment", "found"),
    [
        ("", {}),
        ("how-it-is-checked", {}),
        ("width=1e9&depth=0", {"width": 10, "depth": 1}),
        ("depth=2.6&steps=NaN&noise=&width=Infinity", {"depth": 3}),
        ("data=guess&seeds=3&dim=50", {"dim": 50}),
        ("__proto__=1&constructor=2&widths=3", {}),
    ],
)
def test_an_address_that_does_not_fit(fragment, found):
    assert run(["controls.js"], "DeepLinear.fromFragment(f, k)", f=fragment, k=SLIDERS) == found


@pytest.mark.parametrize("field", list(live_figure.RANGES))
def test_every_position_of_a_slider_is_kept(field):
    """Redrawing puts a slider where its value says: that must be where the reader left it."""
    for low, high in (
        live_figure.RANGES[field],
        (1, 7),
        (0.125, 0.37 if field in LOGARITHMIC else 10.125),
    ):
        positions, values, found = run(
            ["controls.js"],
            "(({ positions, value, position }) => {"
            "const k = Array.from({ length: positions(...b) + 1 }, (_, i) => i);"
            "const x = k.map((i) => value(i, ...b));"
            "return [k, x, x.map((v) => position(v, ...b))]; })(DeepLinear.fields[field].scale)",
            b=[low, high],
            field=field,
        )
        assert found == positions
        assert (values[0], values[-1]) == (low, high)
        assert (np.diff(values) > 0).all()


# Python's side


def described(**changes):
    arguments = {
        "network": lib.Network(2, 1.0),
        "data": lib.Data(samples=2.0, noise=0.3),
        "training": lib.GradientDescent(20, 0.05),
        "sliders": ("width", "data", "samples", "batch", "parameterization", "depth"),
        "name": "fig",
        "alt": 'Loss "against" steps <for> one width',
        "losses": ("test_loss",),
        "bowl": False,
        "dim": 50,
        "seeds": 2,
        "bowl_steps": 10,
        "share": False,
    }
    return live_figure.describe(**(arguments | changes))


def test_what_a_page_is_told():
    text = live.page(described())
    attribute = re.search(r'data-live="([^"]*)"', text)[1]
    told = json.loads(live.html.unescape(attribute))
    assert told["alt"] == 'Loss "against" steps <for> one width'
    assert told["state"]["samples"] == 2.0 and told["state"]["data"] == "samples"
    assert told["sliders"]["width"] == [0.1, 10.0] and told["grid"] is None
    assert f'<img alt="{live.html.escape(told["alt"])}" src="data:image/png;base64,' in text
    assert set(told["state"]) == set(live_figure.RANGES) | set(live_figure.CHOICES) == set(STATE)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"network": lib.Network(2, 1.0, branch_scale=1.0)}, "plain networks"),
        ({"network": lib.Network(2, math.inf)}, "finite widths"),
        ({"data": lib.Data(spectrum=lib.Spectrum.power_law(5, 1.5, 1))}, "isotropic"),
        ({"training": lib.GradientDescent(20, 0.05, momentum=0.5)}, "plain gradient descent"),
        ({"training": lib.GradientDescent(2, [0.1, 0.2])}, "plain gradient descent"),
        ({"sliders": ()}, "give some of"),
        ({"sliders": ("momentum",)}, "momentum"),
        ({"sliders": {"width": (2.0, 4.0)}}, "outside its slider"),
        ({"sliders": {"width": (0.0, 4.0)}}, "0 < low < high"),
        ({"sliders": {"dim": (25, 100)}}, "its menu"),
        ({"network": lib.Network(2, (1.0, 2.0))}, "unequal width"),
        ({"losses": ("loss",)}, "give some of test_loss"),
        ({"losses": ()}, "nothing to show"),
        ({"seeds": -1}, "seeds"),
    ],
)
def test_bad_input(changes, words):
    with pytest.raises(ValueError, match=words):
        described(**changes)


def test_every_widget_moves_the_theory():
    widget = LiveWidget(described())
    moves = {
        "width": 2.0,
        "samples": 4.0,
        "depth": 3,
        "parameterization": "ntk",
        "data": "batch",
        "batch": 1.0,
    }
    assert set(moves) == set(widget.controls)
    for field, value in moves.items():
        before = widget.picture.value
        widget.controls[field].value = value
        assert widget.picture.value != before, field
    expected = lib.solve(
        lib.Network.ntk(3, 2.0), lib.Data(batch=1.0, noise=0.3), lib.GradientDescent(20, 0.05)
    )
    np.testing.assert_allclose(widget.drawing.solution.test_loss, expected.test_loss, rtol=1e-12)
    assert widget.controls["samples"].layout.display == "none"
    assert widget.controls["batch"].layout.display is None
    assert "alt=" in widget.picture.value


def test_networks_of_a_widget_come_and_go():
    widget = LiveWidget(described())
    before = widget.picture.value
    widget.train.click()
    assert widget.runs.test_loss.shape == (2, 21) and widget.runs.dim == 50
    assert widget.picture.value != before
    widget.controls["width"].value = 2.0
    assert widget.runs is None


def test_a_widget_says_what_cannot_be_trained():
    widget = LiveWidget(described(sliders={"batch": (0.001, 1.0), "dim": np.array([25, 50])}))
    assert json.dumps(widget.controls["dim"].options)
    widget.state |= {"data": "batch", "batch": 0.001, "dim": 25}
    widget.train.click()
    assert "batch" in widget.words.value and "larger dim" in widget.words.value
    assert widget.runs is None


def test_a_widget_whose_runs_all_diverge_says_so():
    widget = LiveWidget(
        described(
            network=lib.Network(8, 1.0, 10.0),
            data=lib.Data(batch=0.02, noise=2.0),
            losses=(),
            bowl=True,
            bowl_steps=10,
            sliders={"noise": (0.0, 2.0)},
        )
    )
    before = widget.picture.value
    widget.controls["noise"].value = 1.0
    assert "alt=" in widget.picture.value and widget.picture.value != before


def test_the_bowl_of_a_widget_shows_transfer():
    widget = LiveWidget(
        described(
            network=lib.Network(3, 1.0, 4.0),
            data=lib.Data(samples=4.0),
            losses=(),
            bowl=True,
            bowl_steps=20,
            sliders={"noise": (0.0, 1.0)},
        )
    )
    rates = live_figure.BOWL["learning_rates"]
    best = {
        kind: [
            rates[int(np.argmin(widget.drawing.bowl(widget.state, kind, nu)))]
            for nu in live_figure.BOWL["widths"]
        ]
        for kind in live_figure.CHOICES["parameterization"]
    }
    assert best["mean-field"] == [0.04] * 5
    assert best["ntk"] == [0.025, 0.04, 0.063, 0.1, 0.16]
    before = widget.picture.value
    widget.controls["noise"].value = 0.5
    assert widget.picture.value != before


# Where a figure ends up

CALL = """
import lib
from lib.pictures import live, live_figure
live.figure(lib.Network(2, 1.0), lib.Data(), lib.GradientDescent(20, 0.05), ["width"],
            name="fig", alt="Loss against steps")
"""


@contextmanager
def executing(code):
    """A running kernel that has executed one cell, and the cell."""
    cell = nbformat.v4.new_code_cell(code)
    notebook = nbformat.v4.new_notebook(cells=[cell])
    client = NotebookClient(notebook, timeout=120, kernel_name="python3")
    with client.setup_kernel():
        client.execute_cell(cell, 0)
        yield client, cell


def test_a_kernel_of_the_book_writes_for_pages(monkeypatch):
    monkeypatch.setenv("LIVE_FIGURES", "page")
    with executing(CALL) as (_, cell):
        assert [set(output.data) for output in cell.outputs] == [{"text/html", "text/plain"}]
        assert "data-live=" in cell.outputs[0].data["text/html"]


def test_any_other_kernel_shows_widgets_that_answer(monkeypatch):
    """Play the front end: move the slider by a message, and see the picture come back."""
    monkeypatch.delenv("LIVE_FIGURES", raising=False)
    with executing(CALL) as (client, cell):
        (output,) = cell.outputs
        assert "application/vnd.jupyter.widget-view+json" in output.data
        assert "text/html" not in output.data
        models = client.widget_state
        (slider,) = [i for i, m in models.items() if m["_model_name"] == "FloatLogSliderModel"]
        (picture,) = [i for i, m in models.items() if "<img" in str(m.get("value"))]
        move = {"comm_id": slider, "data": {"method": "update", "state": {"value": 2.5}}}
        client.kc.shell_channel.send(client.kc.session.msg("comm_msg", move))
        answer = None
        while answer is None:
            content = run_sync(client.kc.get_iopub_msg)(timeout=60)["content"]
            if content.get("comm_id") == picture:
                answer = content["data"]["state"]["value"]
        assert "<img" in answer and answer != models[picture]["value"]


def test_an_unknown_place_is_an_error(monkeypatch):
    monkeypatch.setenv("LIVE_FIGURES", "phone")
    with pytest.raises(ValueError, match="'page' or 'notebook'"):
        live.figure(
            lib.Network(2, 1.0),
            lib.Data(),
            lib.GradientDescent(5, 0.1),
            ["width"],
            name="x",
            alt="y",
        )
