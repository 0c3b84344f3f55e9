"""`solve`: from a problem to its learning curves in the limit of infinite size."""

import math
import time
from functools import partial

import numpy as np

from lib import checks
from lib.axis import Axis
from lib.consistency import residual
from lib.grid import FEWEST, EveryStep, Nodes
from lib.horizon import NODES, NodeMarch
from lib.inputs import InputLayer, NoiselessInputLayer
from lib.layers import Readout
from lib.linear_gaussian import TrainedMatrix
from lib.march import march
from lib.nodes import Interpolant
from lib.solution import BY_OUTPUT, CURVES, MATRICES, Solution
from lib.stacks import matrices_of, solve_layers
from lib.status import Outcome, Status, judge
from lib.sweep import broadcast
from lib.training import GradientFlow

BATCH_BYTES = 2**24
"""Configurations of a sweep are marched together while their matrices fit a processor cache."""

MOST_RESIDUAL = 1e-6
"""A solution that violates its equations by more than this is called inaccurate."""

CHEAP_STEPS = 250
"""Up to so many rows every step is kept; beyond, nodes are cheaper where they can be used."""

REPORTED_STEPS = 4000
"""Up to so many steps the losses are given at every step, however the equations were solved."""


def solve(
    network, data, training, *, grid=None, keep_matrices=None, depth_tolerance=1e-5, progress=None
):
    r"""Solve the dynamical mean-field theory of training.

    Closed equations for two-time correlations and responses (equations {eq}`deep-pair` and
    {eq}`deep-input` of the book), exact in the limit D, N, P -> infinity at fixed ratios, solved by one
    sweep through time: O(L T^2) memory and O(L T^3) time at every step, or on O(log T) nodes.

    Parameters
    ----------
    network : Network or sequence of Network
        A sequence must share depth, widths, branches and outputs.
    data : Data
    training : Training or sequence of Training
        `GradientDescent` or `GradientFlow`. A sequence must share `steps` (`duration`). Sequences of
        networks and trainings have one length K; a single one of either is used for all.
    grid : EveryStep, Nodes or None
        Where in time the equations are kept. None: every step for a few hundred steps, for fresh
        batches, and where `keep_matrices` asks for it; nodes with a tolerance of 1e-8 otherwise, and
        for gradient flow with the tolerance of the flow.
    keep_matrices : bool or None
        Keep the two-time matrices in the result. True gives all of them, at every step (for gradient
        flow the correlations, at the nodes); False saves memory in large sweeps; None keeps what the
        solution has at hand: everything at every step; on nodes the correlations of one problem, if
        `times` are the nodes (long horizons and gradient flow).
    depth_tolerance : float
        For networks of infinite depth: wanted relative error of the losses from the quadrature in
        layer time; `Solution.depth_error` is what was reached.
    progress : callable or None
        Called with (rows done, rows) as the march proceeds.

    Returns
    -------
    Solution
        A diverging run is no error: its losses are inf from that step on, and `status` says so.

    Raises
    ------
    ValueError
        If the arguments do not fit together.

    Notes
    -----
    Bordelon and Pehlevan, "Deep Linear Network Training Dynamics from Random Initialization"
    (ICML 2025), with their misprints corrected.
    """
    networks, trainings, single = broadcast(network, data, training)
    checks.number("depth_tolerance", depth_tolerance, positive=True)
    if keep_matrices is not None:
        keep_matrices = checks.flag("keep_matrices", keep_matrices)
    if progress is not None and not callable(progress):
        raise ValueError(
            f"progress is {progress!r}: give a function of (rows done, rows), or None."
        )
    grid = _grid(grid, networks[0], data, trainings[0], keep_matrices)
    start = time.perf_counter()
    problem = networks, data, trainings
    if isinstance(grid, EveryStep):
        solve_with = partial(_at_every_step, *problem, keep_matrices, progress)
    else:
        solve_with = partial(_on_nodes, *problem, grid, keep_matrices, progress)
    fields = solve_layers(networks[0], solve_with, depth_tolerance)
    times = fields.pop("times")
    interpolants = fields.pop("interpolants", None)
    if single:
        fields = {name: _first(value) for name, value in fields.items()}
    return Solution(
        network=networks[0] if single else networks,
        data=data,
        training=trainings[0] if single else trainings,
        times=times,
        grid=grid,
        interpolants=interpolants,
        wall_time=time.perf_counter() - start,
        **fields,
    )


def _grid(grid, network, data, training, keep_matrices):
    """The grid to solve on, checked against the problem."""
    flow = isinstance(training, GradientFlow)
    if flow and data.batch is not None:
        raise ValueError(
            "gradient flow with fresh batches: their noise vanishes in continuous time; "
            "leave batch out (population gradient), or use GradientDescent."
        )
    endless = math.isinf(network.depth)
    if endless and (flow or isinstance(grid, Nodes)):
        raise ValueError(
            "infinite depth is solved at every step only: use GradientDescent with small steps, "
            "or a large finite depth."
        )
    if grid is None:
        if flow:
            return Nodes(training.tolerance)
        rows = (training.steps + 1) * network.outputs
        few = rows <= CHEAP_STEPS or training.steps < FEWEST
        every_step_only = endless or data.batch is not None or training.start() is None
        every = few or keep_matrices or every_step_only
        if every:
            return EveryStep()
        return (
            Nodes(most=training.steps + 1 + NODES) if training.steps <= REPORTED_STEPS else Nodes()
        )
    if not isinstance(grid, (EveryStep, Nodes)):
        raise ValueError(f"grid is {grid!r}: give lib.EveryStep(), lib.Nodes() or None.")
    if flow and isinstance(grid, EveryStep):
        raise ValueError("gradient flow has no steps: leave grid out, or give lib.Nodes().")
    if training.start() is None and isinstance(grid, Nodes):
        raise ValueError(f"{type(training).__name__} is solved at every step only: leave grid out.")
    if data.batch is not None and isinstance(grid, Nodes):
        raise ValueError(
            "the noise of fresh batches is not smooth in time: leave grid out, or give "
            "lib.EveryStep()."
        )
    return grid


def _at_every_step(networks, data, trainings, keep_matrices, progress, make_stack):
    """Solve at every step, as many configurations together as fit; arrays with a leading axis."""
    steps, outputs = trainings[0].steps, networks[0].outputs
    size = _bytes(networks[0], data, steps + 1)
    kept = 1 if keep_matrices is False else len(networks)
    checks.memory(
        f"{steps} steps one by one, with the matrices of {kept} configuration(s)",
        kept * size,
        "train fewer steps, solve a sweep with keep_matrices=False, or, with a population gradient or "
        "repeated data, solve with grid=lib.Nodes()",
    )
    axis = Axis(steps + 1, outputs)
    chunk = max(1, BATCH_BYTES // size)
    pieces = []
    for i in range(0, len(networks), chunk):
        several = trainings[i : i + chunk]
        memories = [training.memory() for training in several]
        K = np.array([axis.expand(memory.K) for memory in memories])
        decay = [axis.expand(np.outer(memory.decay, memory.decay)) for memory in memories]
        stack, inputs = _problem(
            networks[i : i + chunk], data, axis, K, np.array(decay), make_stack, InputLayer
        )
        done = march(stack, inputs, progress)
        piece = _curves(stack, inputs, data)
        piece["status"] = _verdicts(piece, done)
        valid = [done if v.step is None else v.step for v in piece["status"]]
        piece["residual"] = _residuals(stack, inputs, valid)
        piece["status"] = _reviewed(piece["status"], piece["residual"], MOST_RESIDUAL)
        piece["error"] = np.zeros(len(several))
        if keep_matrices is not False:
            piece |= _matrices(stack, inputs)
        pieces.append(piece)
    fields = {name: _join([piece[name] for piece in pieces]) for name in pieces[0]}
    return fields | {"times": np.arange(axis.nodes, dtype=float)}


def _on_nodes(networks, data, trainings, grid, keep_matrices, progress, make_stack):
    """Solve configuration by configuration on nodes of its own; arrays with a leading axis."""
    solved = [
        _march_on_nodes(network, data, training, grid, progress, make_stack)
        for network, training in zip(networks, trainings, strict=True)
    ]
    times = _reported_times(trainings[0], [course for *_, course in solved])
    pieces = [_interpolated(*one, data, grid, times) for one in solved]
    fields = {name: _join([piece[name] for piece in pieces]) for name in pieces[0]}
    if keep_matrices is not False and len(solved) == 1 and len(times) == len(solved[0][2].times):
        stack, inputs, course = solved[0]
        n = inputs.axis.rows(0, len(course.times))
        correlations = {
            name: value
            for name, value in _matrices(stack, inputs).items()
            if name in MATRICES and name.startswith("C_")
        }
        fields |= {name: _rows(value, n) for name, value in correlations.items()}
    interpolants = [Interpolant(times, course.panels) for *_, course in solved]
    return fields | {"times": times, "interpolants": interpolants}


def _reported_times(training, courses):
    """Every step, or all nodes and the end."""
    end = training.span
    if not isinstance(training, GradientFlow) and end <= REPORTED_STEPS:
        return np.arange(end + 1.0)
    return np.unique(np.concatenate([[float(end)], *(course.times for course in courses)]))


def _interpolated(stack, inputs, course, data, grid, times):
    """Curves and verdict of a configuration that was solved on nodes, at `times`."""
    interpolant, rows = Interpolant(course.times, course.panels), len(course.times)
    curves = {
        name: _each_row(interpolant, curve[..., :rows], np.minimum(times, course.reached))
        for name, curve in _curves(stack, inputs, data).items()
    }
    done = len(times) if course.stationary else int(np.sum(times <= course.reached))
    (verdict,) = _verdicts(curves, done)
    if course.stationary and verdict.outcome is Outcome.COMPLETE:
        verdict = Status(Outcome.STATIONARY, course.reached)
    elif verdict.outcome is Outcome.INTERRUPTED and not course.interrupted:
        verdict = Status(Outcome.UNRESOLVED, course.reached)
    residuals = _residuals(stack, inputs, [1 if verdict.name == "DIVERGED" else rows])
    status = _reviewed([verdict], residuals, max(MOST_RESIDUAL, 1000 * grid.tolerance))
    return curves | {"status": status, "residual": residuals, "error": np.array([course.error])}


def _bytes(network, data, rows):
    """About how much memory one configuration takes on so many rows in time."""
    modes = len(data.spectrum.quadrature(network.outputs)[0])
    return 8 * (matrices_of(network) + modes + 20) * (rows * network.outputs) ** 2


def _march_on_nodes(network, data, training, grid, progress, make_stack):
    """One configuration. Memory that is never reached by a node is never touched."""
    room = grid.most
    if not isinstance(training, GradientFlow):
        room = min(room, training.steps + 1 + NODES)
    checks.memory(
        f"this network on {FEWEST} time nodes",
        _bytes(network, data, min(room, FEWEST)),
        "use fewer layers, outputs or modes",
    )
    axis = Axis(room, network.outputs)
    zeros, ones = np.zeros((1, axis.n, axis.n)), np.ones((1, axis.n, axis.n))
    noiseless = math.isinf(network.widths[-1]) and data.samples is None
    input_layer = NoiselessInputLayer if noiseless else InputLayer
    stack, inputs = _problem([network], data, axis, zeros, ones, make_stack, input_layer)
    march = NodeMarch(stack, inputs, [training.start()], training.span, grid.tolerance)
    return stack, inputs, march.run(progress)


def _problem(networks, data, axis, K, decay, make_stack, input_layer):
    """The stack and the input layer of `networks` that share shape and axis."""
    batch, last_width = len(networks), networks[0].widths[-1]
    richness = np.array([network.richness for network in networks])[:, None, None]
    trained = TrainedMatrix(K, decay, richness)
    stack = make_stack(networks[0], trained, Readout(axis.same_output, batch), batch, axis.n)
    inputs = input_layer(
        data.spectrum,
        data.regime(axis, batch),
        trained,
        0.0 if math.isinf(last_width) else 1 / last_width,
        np.array([_readout(network, axis) for network in networks]),
        axis,
        batch,
    )
    return stack, inputs


def _readout(network, axis):
    """E: the identity, or, centred, the subtraction of the function at step 0."""
    E = np.eye(axis.n)
    if network.centered:
        E[:, : axis.outputs] -= axis.output
    return E


def _curves(stack, inputs, data):
    """The losses and their parts, summed over outputs [batch, times] and by output [batch, C, times]."""
    excess = np.einsum("bii->bi", inputs.C_v)
    diagonals = {
        "test_loss": excess + data.noise**2,
        "excess_loss": excess,
        "train_loss": np.einsum("bii->bi", inputs.regime.C_Delta),
        "bias": inputs.bias,
        "width_variance": inputs.width_variance,
        "data_variance": inputs.data_variance,
    }
    split = {name: inputs.axis.by_output(values) for name, values in diagonals.items()}
    sums = {name: values.sum(-1) for name, values in split.items()}
    parts = {"excess_by_output": split["excess_loss"], "train_by_output": split["train_loss"]}
    return sums | {name: np.swapaxes(values, 1, 2).copy() for name, values in parts.items()}


def _each_row(interpolant, curves, times):
    """`curves` [.., T] at other `times`."""
    return np.apply_along_axis(interpolant, -1, curves, times)


def _verdicts(curves, done):
    """The `Status` of each configuration; losses after it are overwritten in place."""
    batch = len(curves["excess_loss"])
    verdicts = []
    for b in range(batch):
        parts = [row for name in BY_OUTPUT for row in curves[name][b]]
        verdicts.append(judge([curves[name][b] for name in CURVES] + parts, done))
    return np.array(verdicts, dtype=object)


def _reviewed(verdicts, residuals, allowed):
    """The verdicts, where the equations are not violated by more than `allowed`."""
    reviewed = np.empty(len(verdicts), dtype=object)
    for k, (verdict, violation) in enumerate(zip(verdicts, residuals, strict=True)):
        fine = verdict.outcome is not Outcome.COMPLETE or violation <= allowed
        reviewed[k] = verdict if fine else Status(Outcome.INACCURATE)
    return reviewed


def _residuals(stack, inputs, valid):
    """How far the first `valid` times of each configuration are from the closed equations."""
    residuals = np.empty(len(valid))
    for times in set(valid):
        here = np.equal(valid, times)
        residuals[here] = residual(stack, inputs, times * inputs.axis.outputs)[here]
    return residuals


def _matrices(stack, inputs):
    matrices = {
        "C_v": inputs.C_v,
        "C_Delta": inputs.regime.C_Delta,
        "R_vu": inputs.R_vu,
        "R_Delta": inputs.regime.R_Delta,
        **stack.two_time(),
    }
    matrices["C_h"][0], matrices["R_h"][0] = inputs.C_h, inputs.R_h
    return matrices


def _rows(value, rows):
    if isinstance(value, dict):
        return {key: _rows(entry, rows) for key, entry in value.items()}
    return value[:, rows, rows]


def _join(values):
    if isinstance(values[0], dict):
        return {key: _join([value[key] for value in values]) for key in values[0]}
    return values[0] if len(values) == 1 else np.concatenate(values)


def _first(value):
    return {key: entry[0] for key, entry in value.items()} if isinstance(value, dict) else value[0]
