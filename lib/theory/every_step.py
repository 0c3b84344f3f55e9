"""Solve at every step: a row of each matrix for each step."""

from functools import partial

import numpy as np

from lib import checks
from lib.equations.axis import Axis
from lib.equations.input_layer import InputLayer, NoiselessInputLayer
from lib.equations.march import march
from lib.horizons import rounding
from lib.theory.assembly import (
    MOST_RESIDUAL,
    assemble,
    bytes_of,
    cancellation,
    curves_of,
    in_pieces,
    matrices_in,
    noiseless,
    residuals_of,
    reviewed,
    verdicts_of,
)
from lib.theory.modes import first_rule, with_modes

TOLERANCE = 1e-10
"""Of sums over modes, where there are too many to keep each."""


def solve(networks, data, trainings, grid, keep_matrices, progress, make_stack):
    """Solve at every step, as many configurations together as fit; arrays with a leading axis."""
    steps, outputs = trainings[0].steps, networks[0].outputs
    # Without noise v is its mean, which is all that the losses ask for.
    mean_only = keep_matrices is False and noiseless(networks[0], data)
    input_layer = NoiselessInputLayer if mean_only else InputLayer
    modes = data.spectrum.rule(networks[0].outputs)
    few = first_rule(modes, networks, trainings, TOLERANCE)

    def bytes_with(rule):
        return bytes_of(networks[0], steps + 1, 0 if mean_only else len(rule.mass))

    def check_memory(count, rule):
        checks.memory(
            f"{steps} steps one by one, with the matrices of {count} configuration(s)",
            count * bytes_with(rule),
            "train fewer steps, solve a sweep with keep_matrices=False, or solve with "
            "grid=lib.CompressedPast() (for a schedule that is smooth but for some jumps) or, with a "
            "population gradient or repeated data, with grid=lib.Nodes()",
        )

    check_memory(1 if keep_matrices is False else len(networks), few)
    axis = Axis(steps + 1, outputs)

    def piece(networks, trainings):
        return with_modes(
            modes, networks, trainings, TOLERANCE, partial(solved, networks, trainings)
        )

    def solved(networks, trainings, rule, look):
        check_memory(1 if keep_matrices is False else len(networks), rule)
        memories = [training.memory() for training in trainings]
        K = np.array([axis.expand(memory.K) for memory in memories])
        decay = [axis.expand(np.outer(memory.decay, memory.decay)) for memory in memories]
        decay = np.array(decay)
        problem = assemble(networks, data, rule, trainings, axis, K, decay, make_stack, input_layer)
        done = march(*problem, progress)
        try:
            look(problem[1], 0, done * outputs)
        except KeyboardInterrupt:
            done = min(done, steps)
        fields = curves_of(problem[1].losses(slice(0, axis.n)), axis, data)
        means, weights = rounding.watched(problem[1], slice(0, done * outputs))
        verdicts = verdicts_of(fields, done)
        verdicts = rounding.reviewed(verdicts, means, weights, fields["excess_loss"])
        valid = [done if verdict.step is None else verdict.step for verdict in verdicts]
        residuals = residuals_of(*problem, valid)
        fields["status"] = reviewed(
            verdicts, residuals, max(MOST_RESIDUAL, *map(cancellation, networks))
        )
        fields |= {"residual": residuals, "error": np.zeros(len(networks))}
        return fields | (matrices_in(*problem) if keep_matrices is not False else {})

    fields = in_pieces(networks, trainings, bytes_with(few), piece)
    return fields | {"times": np.arange(axis.nodes, dtype=float)}
