r"""From a problem to the stack and the input layer that a march fills, and from their rows to results.

What the three ways of solving share: `lib.theory.every_step`, `lib.theory.compressed_past` and
`lib.theory.on_nodes`.
"""

import math

import numpy as np

from lib.equations.consistency import residual
from lib.equations.layers import Readout
from lib.horizons import rounding
from lib.horizons.sizes import KNOWN
from lib.problem import layerwise
from lib.status import Outcome, Status, judge
from lib.theory.architectures import matrices_of, trained_matrices
from lib.theory.solution import BY_OUTPUT, CURVES

BATCH_BYTES = 2**24
"""Configurations of a sweep are marched together while their matrices fit a processor cache."""

MOST_RESIDUAL = 1e-6
"""A solution that violates its equations by more than this is called inaccurate."""


CANCELLED = 1e-14
"""Rounding error of the correlations whose differences a centered network is made of."""

STIRRED = 10
"""Factor by which sweeps that repeat themselves, accelerated, make it larger."""


def assemble(networks, data, modes, trainings, axis, K, decay, make_stack, input_layer):
    """The stack and the input layer of `networks` that share shape and axis."""
    batch, last_width = len(networks), networks[0].widths[-1]
    richness = np.array([network.richness for network in networks])[:, None, None]
    trained = trained_matrices(networks, trainings, K, decay)
    stack = make_stack(networks[0], trained, Readout(axis.same_output, batch), batch, axis.n)
    inputs = input_layer(
        modes,
        data.regime(axis, batch),
        trained[0],
        richness,
        0.0 if math.isinf(last_width) else 1 / last_width,
        [network.centered for network in networks],
        axis,
        batch,
    )
    inputs.cancelled = max(map(cancellation, networks))
    inputs.stirred = STIRRED * inputs.cancelled
    inputs.rounding += inputs.stirred
    return stack, inputs


def cancellation(network):
    r"""Relative rounding error of a centered network: its output is a difference of two that are larger.

    Their squares are $1/(\gamma_0^2 \nu_L)$ times that of the target.
    """
    if not network.centered or math.isinf(network.widths[-1]):
        return 0.0
    scales = np.prod([layerwise.at(scale, 0.5) for scale in network.init_scales]) ** 2
    return CANCELLED * scales / (network.richness**2 * network.widths[-1])


def cancellation_error(networks, fields):
    """What cancellation adds to `error` [K]: most where a loss has become small, in the units of `error`."""
    worst = np.zeros(len(networks))
    for name in ("excess_loss", "train_loss"):
        losses = fields[name]
        first, lowest = losses[:, 0], np.where(np.isfinite(losses), losses, np.inf).min(axis=1)
        left = np.divide(
            lowest, first, out=np.ones_like(first), where=np.isfinite(first) & (first > 0)
        )
        worst = np.maximum(worst, 1 / (np.maximum(left, 0) + KNOWN))
    return worst * [cancellation(network) for network in networks]


def noiseless(network, data):
    """Whether the error of the weights does not fluctuate: infinite width, population gradients."""
    return math.isinf(network.widths[-1]) and data.samples is None and data.batch is None


def bytes_of(network, rows, modes):
    """About how much memory one configuration takes on so many rows in time, with a matrix for each of `modes`."""
    return 8 * (matrices_of(network) + modes + 20) * (rows * network.outputs) ** 2


def in_pieces(networks, trainings, size, piece):
    """The fields of `piece` after `piece`, each of as many configurations of `size` bytes as fit."""
    chunk = max(1, BATCH_BYTES // size)
    return until_interrupted(
        lambda i: piece(networks[i : i + chunk], trainings[i : i + chunk]),
        range(0, len(networks), chunk),
        len(networks),
    )


def until_interrupted(solve_from, starts, count):
    """The fields of all `count` configurations, by `solve_from` each of `starts` until one is interrupted.

    Those that were not begun are nan, and interrupted at step 0.
    """
    pieces = []
    for i in starts:
        pieces.append(solve_from(i))
        if any(status.outcome is Outcome.INTERRUPTED for status in pieces[-1]["status"]):
            break
    missing = count - sum(len(fields["status"]) for fields in pieces)
    if missing > 0:
        blank = _unknown(pieces[-1], missing)
        blank["status"] = np.array([Status(Outcome.INTERRUPTED, 0)] * missing, dtype=object)
        pieces.append(blank)
    return {name: join([fields[name] for fields in pieces]) for name in pieces[0]}


def _unknown(value, count):
    """Arrays like `value`, a dict of them or an array, for `count` configurations: nan, or None."""
    if isinstance(value, dict):
        return {name: _unknown(entry, count) for name, entry in value.items()}
    return np.full((count, *value.shape[1:]), None if value.dtype == object else np.nan)


def curves_of(losses, axis, data):
    """The losses and their parts, summed over outputs [batch, times] and by output [batch, C, times]."""
    diagonals = losses | {"test_loss": losses["excess_loss"] + data.noise**2}
    split = {name: axis.by_output(values) for name, values in diagonals.items()}
    # Of a loss that has fallen to rounding errors only its size is known, not its sign.
    split = {name: np.maximum(values, 0) for name, values in split.items()}
    sums = {name: values.sum(-1) for name, values in split.items()}
    parts = {"excess_by_output": split["excess_loss"], "train_by_output": split["train_loss"]}
    return sums | {name: np.swapaxes(values, 1, 2).copy() for name, values in parts.items()}


def verdicts_of(curves, done, times=None):
    """The `Status` of each configuration; losses after it are overwritten in place.

    Rows of the curves are steps, or stand at `times`: floats in continuous time.
    """
    batch = len(curves["excess_loss"])
    verdicts = []
    for b in range(batch):
        parts = [row for name in BY_OUTPUT for row in curves[name][b]]
        verdict = judge([curves[name][b] for name in CURVES] + parts, done)
        if times is not None and verdict.step is not None:
            verdict = Status(verdict.outcome, times[min(verdict.step, len(times) - 1)])
        verdicts.append(verdict)
    return np.array(verdicts, dtype=object)


def resolved(verdicts, interrupted, reached, unstable=False):
    """The verdicts, where a run that ended early was interrupted, or not resolved any further."""
    early = Outcome.UNSTABLE if unstable else Outcome.UNRESOLVED
    for k, verdict in enumerate(verdicts):
        if verdict.outcome is Outcome.INTERRUPTED:
            verdicts[k] = Status(Outcome.INTERRUPTED if interrupted else early, reached)
    return verdicts


def reviewed(verdicts, residuals, allowed):
    """The verdicts, where the equations are not violated by more than `allowed`.

    Where rounding errors have grown until they were seen, two ways to the same matrices differ by as much.
    """
    reviewed = np.empty(len(verdicts), dtype=object)
    for k, (verdict, violation) in enumerate(zip(verdicts, residuals, strict=True)):
        computed = verdict.outcome in (Outcome.COMPLETE, Outcome.ROUNDING)
        grown = rounding.VISIBLE**0.5 if verdict.outcome is Outcome.ROUNDING else 0.0
        fine = not computed or violation <= max(allowed, grown)
        reviewed[k] = verdict if fine else Status(Outcome.INACCURATE)
    return reviewed


def residuals_of(stack, inputs, valid):
    """How far the first `valid` times of each configuration are from the closed equations."""
    residuals = np.empty(len(valid))
    for times in set(valid):
        here = np.equal(valid, times)
        residuals[here] = residual(stack, inputs, times * inputs.axis.outputs)[here]
    return residuals


def matrices_in(stack, inputs):
    matrices = {
        "C_v": inputs.C_v,
        "C_Delta": inputs.regime.C_Delta,
        "R_vu": inputs.R_vu,
        "R_Delta": inputs.regime.R_Delta,
        **stack.two_time(),
    }
    matrices["C_h"][0], matrices["R_h"][0] = inputs.C_h, inputs.R_h
    return matrices


def rows_of(value, rows):
    if isinstance(value, dict):
        return {key: rows_of(entry, rows) for key, entry in value.items()}
    return value[:, rows, rows]


def join(values):
    if isinstance(values[0], dict):
        return {key: join([value[key] for value in values]) for key in values[0]}
    return values[0] if len(values) == 1 else np.concatenate(values)


def first_of(value):
    return {key: entry[0] for key, entry in value.items()} if isinstance(value, dict) else value[0]
