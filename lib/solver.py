"""`solve`: from a problem to its learning curves in the limit of infinite size."""

import math
import time

import numpy as np

from lib.axis import Axis
from lib.consistency import residual
from lib.inputs import InputLayer
from lib.layers import PlainStack, Readout
from lib.linear_gaussian import TrainedMatrix
from lib.march import march
from lib.solution import CURVES, Solution
from lib.status import judge
from lib.sweep import broadcast

BATCH_BYTES = 2**24
"""Configurations of a sweep are marched together while their matrices fit a processor cache."""


def solve(network, data, training, *, keep_matrices=True, progress=None):
    r"""Solve the dynamical mean-field theory of training.

    Closed equations for two-time correlations and responses (equations {eq}`deep-pair` and
    {eq}`deep-input` of the book), exact in the limit D, N, P -> infinity at fixed ratios, solved by one
    sweep through time: O(L T^2) memory and O(L T^3) time.

    Parameters
    ----------
    network : Network or sequence of Network
        A sequence must share depth, widths, branches and outputs.
    data : Data
    training : Training or sequence of Training
        Usually `GradientDescent`. A sequence must share `steps`. Sequences of networks and trainings have one length K; a
        single one of either is used for all.
    keep_matrices : bool
        Keep the two-time matrices in the result; False saves memory in large sweeps.
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
    NotImplementedError
        For networks with residual branches.

    Notes
    -----
    Bordelon and Pehlevan, "Deep Linear Network Training Dynamics from Random Initialization"
    (ICML 2025), with their misprints corrected.
    """
    networks, trainings, single = broadcast(network, data, training)
    if networks[0].branch_scale is not None:
        raise NotImplementedError("the solver covers plain networks: leave branch_scale out.")
    start = time.perf_counter()
    axis = Axis(trainings[0].steps + 1, networks[0].outputs)
    chunk = _chunk_length(networks[0], data, axis)
    pieces = [
        _solve_batch(
            networks[i : i + chunk], data, trainings[i : i + chunk], axis, keep_matrices, progress
        )
        for i in range(0, len(networks), chunk)
    ]
    fields = {name: _join([piece[name] for piece in pieces]) for name in pieces[0]}
    if single:
        fields = {name: _first(value) for name, value in fields.items()}
    return Solution(
        network=networks[0] if single else networks,
        data=data,
        training=trainings[0] if single else trainings,
        times=trainings[0].memory().times,
        wall_time=time.perf_counter() - start,
        **fields,
    )


def _chunk_length(network, data, axis):
    matrices = 8 * len(network.widths) + len(data.spectrum.quadrature()[0]) + 20
    return max(1, int(BATCH_BYTES / (8 * matrices * axis.n**2)))


def _solve_batch(networks, data, trainings, axis, keep_matrices, progress):
    """Solve configurations that fit into memory together; a dict of arrays with a leading axis."""
    batch = len(networks)
    memories = [training.memory() for training in trainings]
    trained = TrainedMatrix(
        K=np.array([axis.expand(memory.K) for memory in memories]),
        decay=np.array([axis.expand(np.outer(memory.decay, memory.decay)) for memory in memories]),
        richness=np.array([network.richness for network in networks])[:, None, None],
    )
    stack = PlainStack(networks[0], trained, Readout(axis.same_output, batch), batch, axis.n)
    last_width = networks[0].widths[-1]
    inputs = InputLayer(
        data.spectrum,
        data.regime(axis, batch),
        trained,
        0.0 if math.isinf(last_width) else 1 / last_width,
        np.array([_readout(network, axis) for network in networks]),
        axis,
        batch,
    )
    rows = march(stack, inputs, progress)
    return _collect(stack, inputs, data, rows, keep_matrices)


def _readout(network, axis):
    """E: the identity, or, centred, the subtraction of the function at step 0."""
    E = np.eye(axis.n)
    if network.centered:
        E[:, : axis.outputs] -= axis.output
    return E


def _collect(stack, inputs, data, rows, keep_matrices):
    axis = inputs.axis
    excess = np.einsum("bii->bi", inputs.C_v)
    diagonals = {
        "test_loss": excess + data.noise**2,
        "excess_loss": excess,
        "train_loss": np.einsum("bii->bi", inputs.regime.C_Delta),
        "bias": inputs.bias,
        "width_variance": inputs.width_variance,
        "data_variance": inputs.data_variance,
    }
    curves = {name: axis.by_output(values).sum(-1) for name, values in diagonals.items()}
    status = [judge([curves[name][b] for name in CURVES], rows) for b in range(len(excess))]
    valid = [rows if verdict.step is None else verdict.step for verdict in status]
    matrices = {
        "C_v": inputs.C_v,
        "C_Delta": inputs.regime.C_Delta,
        "R_vu": inputs.R_vu,
        "R_Delta": inputs.regime.R_Delta,
        **stack.two_time(),
    }
    matrices["C_h"][0], matrices["R_h"][0] = inputs.C_h, inputs.R_h
    residuals = np.empty(len(excess))
    for times in set(valid):
        here = np.equal(valid, times)
        residuals[here] = residual(stack, inputs, times * axis.outputs)[here]
    return {
        **curves,
        "status": np.array(status, dtype=object),
        "residual": residuals,
        **(matrices if keep_matrices else {}),
    }


def _join(values):
    if isinstance(values[0], dict):
        return {key: _join([value[key] for value in values]) for key in values[0]}
    return values[0] if len(values) == 1 else np.concatenate(values)


def _first(value):
    return {key: entry[0] for key, entry in value.items()} if isinstance(value, dict) else value[0]
