"""Solve at every step, with old steps replaced by their moments."""

from dataclasses import replace
from functools import partial

import numpy as np

from lib import checks
from lib.equations.axis import Axis
from lib.equations.input_layer import InputLayer, NoiselessInputLayer
from lib.horizons import rounding
from lib.horizons.compressed_march import CompressedMarch
from lib.horizons.stability import MOST_STEPS
from lib.status import Outcome, Status
from lib.theory.assembly import (
    MOST_RESIDUAL,
    assemble,
    bytes_of,
    cancellation,
    curves_of,
    in_pieces,
    noiseless,
    resolved,
    reviewed,
    until_interrupted,
    verdicts_of,
)
from lib.theory.modes import first_rule, with_modes

USUAL = 160
"""Coordinates that a compressed past takes, more or less."""

OF_A_PIECE = 12
"""Coordinates that another smooth piece of a schedule takes, at most, once it is long gone."""

ROOM = 256
"""Coordinates that a march has room for at first: rows that lie close together in memory are read faster."""

WORTH = 0.75
"""Part of the steps, and of the room for coordinates, up to which compression is worth its trouble."""

SMOOTH = 1e-11
"""A schedule that is smooth to this part is left in one piece."""


def worth(trainings, most):
    """Whether the past of `trainings` takes far fewer coordinates than they have steps, and than `most`."""
    room = WORTH * min(most, trainings[0].steps)
    if all(training.recursion().steady for training in trainings):
        return True
    found = cuts(trainings, room)
    if found is None:
        return False
    pieces = np.diff([0, *found, trainings[0].steps])
    return USUAL + np.minimum(pieces, OF_A_PIECE)[:-1].sum() <= room


def cuts(trainings, most):
    """Steps at which the schedule of any of `trainings` jumps or bends; None if it does more than `most` times."""
    found = [training.recursion().cuts(SMOOTH, most) for training in trainings]
    return None if None in found else sorted({step for steps in found for step in steps})


def solve(networks, data, trainings, grid, keep_matrices, progress, make_stack):
    """Solve at every step with a compressed past; arrays with a leading axis."""
    mean_only = noiseless(networks[0], data)
    input_layer = NoiselessInputLayer if mean_only else InputLayer
    modes = data.spectrum.rule(networks[0].outputs)
    few = first_rule(modes, networks, trainings, grid.tolerance)
    steps = trainings[0].steps

    def bytes_with(rule):
        return bytes_of(networks[0], USUAL, 0 if mean_only else len(rule.mass))

    room = ROOM + OF_A_PIECE * len(cuts(trainings, WORTH * steps) or ())

    def marched(networks, trainings, rule, broken, room):
        axis = Axis(room + MOST_STEPS, networks[0].outputs)
        starts = [training.start() for training in trainings]
        zeros, ones = np.zeros((len(networks), axis.n, axis.n)), np.ones((1, 1, 1))
        ones = np.broadcast_to(ones, zeros.shape)
        if not all(start.recursion.keeps for start in starts):
            ones = ones.copy()
        problem = assemble(
            networks, data, rule, trainings, axis, zeros, ones, make_stack, input_layer
        )
        return CompressedMarch(*problem, starts, broken, steps, grid.tolerance)

    def piece(networks, trainings):
        count = len(networks)
        fields = with_modes(
            modes, networks, trainings, grid.tolerance, partial(solved, networks, trainings)
        )
        if count > 1 and any(status.outcome is Outcome.UNSTABLE for status in fields["status"]):
            # One of them ended the march of all.
            alone = [(networks[k : k + 1], trainings[k : k + 1]) for k in range(count)]
            fields = until_interrupted(lambda k: piece(*alone[k]), range(count), count)
        return fields

    def solved(networks, trainings, rule, look):
        nonlocal room
        size = bytes_with(rule)
        checks.memory("this network, step by step", size, "use fewer layers, outputs or modes")
        most, broken = min(grid.most, steps + 1), cuts(trainings, WORTH * steps) or ()
        march = marched(networks, trainings, rule, broken, min(room, most))
        record = march.run(progress, look)
        if march.full and room < most:
            room = most
            wider = marched(networks, trainings, rule, broken, room)
            again = wider.run(progress, look)
            if again.done >= record.done:
                march, record = wider, again
            else:  # for want of time, not of room
                record = replace(record, interrupted=again.interrupted)
        axis = march.axis
        fields = curves_of(record.losses, axis, data)
        missing = steps + 1 - record.done
        fields = {
            name: np.pad(curve, [(0, 0)] * (curve.ndim - 1) + [(0, missing)], "edge")
            for name, curve in fields.items()
        }
        done = steps + 1 if record.stationary else record.done
        ended = record.interrupted, record.done, record.unstable
        verdicts = resolved(verdicts_of(fields, done), *ended)
        verdicts = rounding.reviewed(verdicts, record.means, record.weights, fields["excess_loss"])
        for b, step in enumerate(record.lost):
            if step is not None and verdicts[b].outcome is Outcome.COMPLETE:
                verdicts[b] = Status(Outcome.ROUNDING, step)
        if record.stationary and missing:
            verdicts[:] = [
                Status(Outcome.STATIONARY, record.done - 1) if verdict.step is None else verdict
                for verdict in verdicts
            ]
        fields["status"] = reviewed(
            verdicts, record.residual, max(MOST_RESIDUAL, *map(cancellation, networks))
        )
        return fields | {"residual": record.residual, "error": record.error}

    fields = in_pieces(networks, trainings, bytes_with(few), piece)
    return fields | {"times": np.arange(steps + 1.0)}
