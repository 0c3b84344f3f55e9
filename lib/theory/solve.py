"""`solve`: from a problem to its learning curves in the limit of infinite size."""

import math
import time
from functools import partial

import numpy as np

from lib import checks
from lib.axis import Axis
from lib.compressed import CompressedMarch
from lib.consistency import residual
from lib.grid import FEWEST, CompressedPast, EveryStep, Nodes
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

USUAL = 160
"""Coordinates that a compressed past takes, more or less."""

REPORTED_STEPS = 4000
"""Up to so many steps the losses are given at every step, however the equations were solved."""


def solve(
    network, data, training, *, grid=None, keep_matrices=None, depth_tolerance=1e-5, progress=None
):
    r"""Solve the dynamical mean-field theory of training.

    Closed equations for two-time correlations and responses (equations {eq}`deep-pair` and
    {eq}`deep-input` of the book), exact in the limit D, N, P -> infinity at fixed ratios, solved by one
    sweep through time: O(L T^2) memory and O(L T^3) time at every step, O(L T log^2 T) time with a
    compressed past, or on O(log T) nodes.

    Parameters
    ----------
    network : Network or sequence of Network
        A sequence must share depth, widths, branches and outputs.
    data : Data
    training : Training or sequence of Training
        `GradientDescent` or `GradientFlow`. A sequence must share `steps` (`duration`). Sequences of
        networks and trainings have one length K; a single one of either is used for all.
    grid : EveryStep, CompressedPast, Nodes or None
        Where in time the equations are kept. None: every step for a few hundred steps, and where
        `keep_matrices` asks for it; for more, with a tolerance of 1e-8, a compressed past for fresh
        batches (every step if their learning rate has a schedule, or weights decay) and nodes
        otherwise; for gradient flow nodes with the tolerance of the flow.
    keep_matrices : bool or None
        Keep the two-time matrices in the result. True gives all of them, at every step (for gradient
        flow the correlations, at the nodes); False saves memory in large sweeps; None keeps what the
        solution has at hand: everything at every step; nothing of a compressed past; on nodes the
        correlations of one problem, if `times` are the nodes (long horizons and gradient flow).
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
    grid = _grid(grid, networks[0], data, trainings, keep_matrices)
    start = time.perf_counter()
    method = {EveryStep: _at_every_step, CompressedPast: _with_compressed_past, Nodes: _on_nodes}
    solve_with = partial(
        method[type(grid)], networks, data, trainings, grid, keep_matrices, progress
    )
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


def _grid(grid, network, data, trainings, keep_matrices):
    """The grid to solve on, checked against the problem."""
    training = trainings[0]
    flow = isinstance(training, GradientFlow)
    if flow and data.batch is not None:
        raise ValueError(
            "gradient flow with fresh batches: their noise vanishes in continuous time; "
            "leave batch out (population gradient), or use GradientDescent."
        )
    endless = math.isinf(network.depth)
    if endless and (flow or isinstance(grid, (CompressedPast, Nodes))):
        raise ValueError(
            "infinite depth is solved at every step only: use GradientDescent with small steps, "
            "or a large finite depth."
        )
    by_time_passed = all(entry.impulse() is not None for entry in trainings)
    if grid is None:
        if flow:
            return Nodes(training.tolerance)
        rows = (training.steps + 1) * network.outputs
        few = rows <= CHEAP_STEPS or training.steps < FEWEST
        if few or keep_matrices or endless:
            return EveryStep()
        if data.batch is not None or training.start() is None:
            return CompressedPast() if by_time_passed else EveryStep()
        return (
            Nodes(most=training.steps + 1 + NODES) if training.steps <= REPORTED_STEPS else Nodes()
        )
    if not isinstance(grid, (EveryStep, CompressedPast, Nodes)):
        raise ValueError(
            f"grid is {grid!r}: give lib.EveryStep(), lib.CompressedPast(), lib.Nodes() or None."
        )
    if flow and not isinstance(grid, Nodes):
        raise ValueError("gradient flow has no steps: leave grid out, or give lib.Nodes().")
    if isinstance(grid, CompressedPast) and not by_time_passed:
        raise ValueError(
            "a compressed past needs a constant learning rate and no weight decay: leave grid out."
        )
    if training.start() is None and isinstance(grid, Nodes):
        raise ValueError(f"{type(training).__name__} is solved at every step only: leave grid out.")
    if data.batch is not None and isinstance(grid, Nodes):
        raise ValueError(
            "the noise of fresh batches is not smooth in time: leave grid out, or give "
            "lib.CompressedPast() or lib.EveryStep()."
        )
    return grid


def _at_every_step(networks, data, trainings, grid, keep_matrices, progress, make_stack):
    """Solve at every step, as many configurations together as fit; arrays with a leading axis."""
    steps, outputs = trainings[0].steps, networks[0].outputs
    size = _bytes(networks[0], data, steps + 1)
    kept = 1 if keep_matrices is False else len(networks)
    checks.memory(
        f"{steps} steps one by one, with the matrices of {kept} configuration(s)",
        kept * size,
        "train fewer steps, solve a sweep with keep_matrices=False, or, with a constant learning "
        "rate, solve with grid=lib.CompressedPast(), or, with a population gradient or repeated "
        "data, with grid=lib.Nodes()",
    )
    axis = Axis(steps + 1, outputs)

    def piece(networks, trainings):
        memories = [training.memory() for training in trainings]
        K = np.array([axis.expand(memory.K) for memory in memories])
        decay = [axis.expand(np.outer(memory.decay, memory.decay)) for memory in memories]
        problem = _problem(networks, data, axis, K, np.array(decay), make_stack, InputLayer)
        done = march(*problem, progress)
        fields = _curves(problem[1].losses(slice(0, axis.n)), axis, data)
        verdicts = _verdicts(fields, done)
        valid = [done if verdict.step is None else verdict.step for verdict in verdicts]
        residuals = _residuals(*problem, valid)
        fields["status"] = _reviewed(verdicts, residuals, MOST_RESIDUAL)
        fields |= {"residual": residuals, "error": np.zeros(len(networks))}
        return fields | (_matrices(*problem) if keep_matrices is not False else {})

    fields = _in_pieces(networks, trainings, size, piece)
    return fields | {"times": np.arange(axis.nodes, dtype=float)}


def _with_compressed_past(networks, data, trainings, grid, keep_matrices, progress, make_stack):
    """Solve at every step with a compressed past; arrays with a leading axis."""
    steps, size = trainings[0].steps, _bytes(networks[0], data, USUAL)
    checks.memory("this network, step by step", size, "use fewer layers, outputs or modes")

    def piece(networks, trainings):
        axis = Axis(min(grid.most, steps + 1), networks[0].outputs)
        impulses = [training.impulse() for training in trainings]
        lag = max(len(impulse) for impulse in impulses)
        impulses = [np.pad(impulse, (0, lag - len(impulse)), "edge") for impulse in impulses]
        zeros, ones = np.zeros((len(networks), axis.n, axis.n)), np.ones((1, 1, 1))
        ones = np.broadcast_to(ones, zeros.shape)
        problem = _problem(networks, data, axis, zeros, ones, make_stack, InputLayer)
        march = CompressedMarch(*problem, np.array(impulses), steps, grid.tolerance)
        record = march.run(progress)
        fields = _curves(record.losses, axis, data)
        missing = steps + 1 - record.done
        fields = {
            name: np.pad(curve, [(0, 0)] * (curve.ndim - 1) + [(0, missing)])
            for name, curve in fields.items()
        }
        verdicts = _resolved(_verdicts(fields, record.done), record.interrupted, record.done)
        fields["status"] = _reviewed(verdicts, record.residual, MOST_RESIDUAL)
        error = np.full(len(networks), record.error)
        return fields | {"residual": record.residual, "error": error}

    fields = _in_pieces(networks, trainings, size, piece)
    return fields | {"times": np.arange(steps + 1.0)}


def _in_pieces(networks, trainings, size, piece):
    """The fields of `piece` after `piece`, each of as many configurations of `size` bytes as fit."""
    chunk = max(1, BATCH_BYTES // size)
    pieces = [
        piece(networks[i : i + chunk], trainings[i : i + chunk])
        for i in range(0, len(networks), chunk)
    ]
    return {name: _join([fields[name] for fields in pieces]) for name in pieces[0]}


def _resolved(verdicts, interrupted, reached):
    """The verdicts, where a run that ended early without an interrupt was not resolved any further."""
    for k, verdict in enumerate(verdicts):
        if verdict.outcome is Outcome.INTERRUPTED and not interrupted:
            verdicts[k] = Status(Outcome.UNRESOLVED, reached)
    return verdicts


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
    losses = inputs.losses(inputs.axis.rows(0, rows))
    curves = {
        name: _each_row(interpolant, curve, np.minimum(times, course.reached))
        for name, curve in _curves(losses, inputs.axis, data).items()
    }
    done = len(times) if course.stationary else int(np.sum(times <= course.reached))
    (verdict,) = _resolved(_verdicts(curves, done), course.interrupted, course.reached)
    if course.stationary and verdict.outcome is Outcome.COMPLETE:
        verdict = Status(Outcome.STATIONARY, course.reached)
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
        [network.centered for network in networks],
        axis,
        batch,
    )
    return stack, inputs


def _curves(losses, axis, data):
    """The losses and their parts, summed over outputs [batch, times] and by output [batch, C, times]."""
    diagonals = losses | {"test_loss": losses["excess_loss"] + data.noise**2}
    split = {name: axis.by_output(values) for name, values in diagonals.items()}
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
