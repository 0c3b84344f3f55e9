"""Solve on few nodes in time, configuration by configuration."""

from dataclasses import replace

import numpy as np

from lib import checks
from lib.equations.axis import Axis
from lib.equations.input_layer import InputLayer, NoiselessInputLayer
from lib.horizons.node_march import NODES, NodeMarch
from lib.horizons.nodes import Interpolant
from lib.horizons.stability import MOST_STEPS
from lib.problem.training import GradientFlow
from lib.status import Outcome, Status
from lib.theory.assembly import (
    MOST_RESIDUAL,
    assemble,
    bytes_of,
    curves_of,
    matrices_in,
    noiseless,
    residuals_of,
    resolved,
    reviewed,
    rows_of,
    until_interrupted,
    verdicts_of,
)
from lib.theory.grid import FEWEST, REPORTED_STEPS
from lib.theory.modes import with_modes
from lib.theory.solution import MATRICES

ROOM = 192
"""Nodes that a march has room for at first: rows that lie close together in memory are faster."""


def solve(networks, data, trainings, grid, keep_matrices, progress, make_stack):
    """Solve configuration by configuration on nodes of its own; arrays with a leading axis."""
    solved = []
    for network, training in zip(networks, trainings, strict=True):
        solved.append(_settled(network, data, training, grid, progress, make_stack))
        if solved[-1][2].interrupted:
            break
    times = _reported_times(trainings[0], [record for *_, record in solved], keep_matrices)
    fields = until_interrupted(
        lambda k: _interpolated(*solved[k], data, grid, times), range(len(solved)), len(networks)
    )
    if keep_matrices is not False and len(networks) == 1 and len(times) == len(solved[0][2].times):
        stack, inputs, record = solved[0]
        n = inputs.axis.rows(0, len(record.times))
        for name, value in matrices_in(stack, inputs).items():
            if name in MATRICES and name.startswith("C_"):
                fields[name] = rows_of(value, n)
            elif name == "layer_times":
                fields[name] = value
    interpolants = [Interpolant(times, record.panels) for *_, record in solved]
    interpolants += [Interpolant(times)] * (len(networks) - len(solved))
    return fields | {"times": times, "interpolants": interpolants}


def _settled(network, data, training, grid, progress, make_stack):
    """Stack, inputs, and record of one configuration, with as many nodes for its modes as it needs."""
    most, kept = grid.most, []
    if not isinstance(training, GradientFlow):
        most = min(most, training.steps + 1 + NODES)
    room = min(ROOM, most)

    def march(rule):
        problem = network, data, rule, training
        return _march_on_nodes(*problem, room, grid.tolerance, progress, make_stack)

    def run(rule, look):
        nonlocal room
        kept[:] = march(rule)
        if kept[2].full and room < most:
            room, reached = most, kept[2].reached
            again = march(rule)
            if again[2].reached >= reached:
                kept[:] = again
            else:  # for want of time, not of room
                kept[2] = replace(kept[2], interrupted=again[2].interrupted)
        _, inputs, record = kept
        try:
            look(inputs, 0, len(record.times) * network.outputs)
        except KeyboardInterrupt:
            kept[2] = replace(record, interrupted=True)
        outcome = Outcome.INTERRUPTED if kept[2].interrupted else Outcome.COMPLETE
        return {"status": [Status(outcome)], "error": record.error}

    modes = data.spectrum.rule(network.outputs)
    fields = with_modes(modes, [network], [training], grid.tolerance, run)
    stack, inputs, record = kept
    return stack, inputs, replace(record, error=fields["error"], modes=fields["modes"][0])


def _march_on_nodes(network, data, modes, training, room, tolerance, progress, make_stack):
    """One configuration, on up to `room` nodes."""
    checks.memory(
        f"this network on {FEWEST} time nodes",
        bytes_of(network, min(room, FEWEST), 0 if noiseless(network, data) else len(modes.mass)),
        "use fewer layers, outputs or modes",
    )
    axis = Axis(room + MOST_STEPS, network.outputs)
    zeros, ones = np.zeros((1, axis.n, axis.n)), np.ones((1, axis.n, axis.n))
    input_layer = NoiselessInputLayer if noiseless(network, data) else InputLayer
    stack, inputs = assemble(
        [network], data, modes, [training], axis, zeros, ones, make_stack, input_layer
    )
    march = NodeMarch(stack, inputs, [training.start()], training.span, tolerance)
    return [stack, inputs, march.run(progress)]


def _reported_times(training, records, keep_matrices):
    """Every step, or all nodes and the end."""
    end = training.span
    if not keep_matrices and not isinstance(training, GradientFlow) and end <= REPORTED_STEPS:
        return np.arange(end + 1.0)
    return np.unique(np.concatenate([[float(end)], *(record.times for record in records)]))


def _interpolated(stack, inputs, record, data, grid, times):
    """Curves and verdict of a configuration that was solved on nodes, at `times`."""
    interpolant, rows = Interpolant(record.times, record.panels), len(record.times)
    losses = inputs.losses(inputs.axis.rows(0, rows))
    curves = {
        name: _each_row(interpolant, curve, np.minimum(times, record.reached))
        for name, curve in curves_of(losses, inputs.axis, data).items()
    }
    done = len(times) if record.stationary else int(np.sum(times <= record.reached))
    when = times.tolist() if record.continuous else times.astype(int).tolist()
    (verdict,) = resolved(
        verdicts_of(curves, done, when), record.interrupted, record.reached, record.unstable
    )
    if verdict.outcome is Outcome.COMPLETE and (record.interrupted or record.stationary):
        ended = Outcome.INTERRUPTED if record.interrupted else Outcome.STATIONARY
        verdict = Status(ended, record.reached)
    residuals = residuals_of(stack, inputs, [1 if verdict.name == "DIVERGED" else rows])
    status = reviewed([verdict], residuals, max(MOST_RESIDUAL, 1000 * grid.tolerance))
    return curves | {
        "status": status,
        "residual": residuals,
        "error": np.array([record.error]),
        "modes": np.array([record.modes], object),
    }


def _each_row(interpolant, curves, times):
    """`curves` [.., T] at other `times`; polynomials through losses that fall may overshoot zero."""
    return np.maximum(np.apply_along_axis(interpolant, -1, curves, times), 0)
