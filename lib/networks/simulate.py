"""`simulate`: train networks of finite size on the problem that `solve` solves."""

import os
import time
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from tqdm import tqdm

from lib import checks
from lib.networks.draws import draw_weights
from lib.networks.fields import Architecture, Lockstep
from lib.networks.finite_data import Inputs
from lib.networks.options import device as checked_device
from lib.networks.options import given_dataset, kept_steps, precision
from lib.networks.runs import Runs
from lib.networks.weights import history_length, rows_for
from lib.problem.broadcasting import broadcast
from lib.status import judge

LONG_RUN = 2.0
"""Seconds after which a progress bar appears."""


def simulate(
    network,
    data,
    training,
    *,
    dim=None,
    dataset=None,
    seeds=8,
    device="cpu",
    dtype="float64",
    keep_errors=(),
    progress=True,
):
    r"""Train networks of finite size by (stochastic) gradient descent.

    A linear network acts on one vector per step (equations {eq}`model-fields` of the book): with
    $v = \beta^* - \beta(t)$ and $u$ the error signal it makes of the data,

    $$ g^L = w, \quad g^l = W^{l\top} g^{l+1}/\sqrt{N_l}, \quad v = \beta^* - W^{0\top} g^1 \sqrt D/(\gamma_0 N_L), $$
    $$ h^1 = W^0 u/\sqrt D, \quad h^{l+1} = W^l h^l/\sqrt{N_l} , $$

    and the gradient of $W^l$ is $g^{l+1} h^{l\top}$, so that a step costs $O(PD + \sum_l N_l N_{l+1})$. Several
    outputs are as many such vectors per step.

    Parameters
    ----------
    network : Network or sequence of Network
        A sequence must share depth, widths, branches and outputs.
    data : Data
    training : Training or sequence of Training
        Usually `GradientDescent`. A sequence must share `steps`. Sequences of networks and trainings have one length K; a
        single one of either is used for all. All K configurations of a seed start from the same
        weights and see the same data; what one of them does never depends on the others.
    dim : int
        Input dimension D. Layers have round(nu_l D) neurons, data sets round(alpha D) samples, and
        mode k of the spectrum m_k D of the input directions. A dimension-free spectrum fixes it:
        leave it out there.
    dataset : Dataset or None
        Given samples in the place of Gaussian ones: each seed draws its training set or its batches
        from them, and repeated data are tested on the samples left over. `data` is then
        `dataset.data(...)`.
    seeds : int or sequence of int or pairs of int
        Networks to train, as seeds 0 .. n-1 or as listed. A pair (i, j) is a network with the initial
        weights of seed i on the data of seed j.
    device : str or torch.device
        "cpu" or "cuda".
    dtype : str
        "float64", or "float32" for speed; the draws are the same in both.
    keep_errors : sequence of int
        Steps at which the error of the weights is kept, for averages over networks.
    progress : bool
        Show a progress bar in long runs (never where the environment variable CI is set).

    Returns
    -------
    Runs
        A diverging run is no error: its losses are inf from that step on, and `status` says so.
        After a keyboard interrupt the losses of unfinished steps are nan, and `status` says so.

    Raises
    ------
    ValueError
        If the arguments do not fit together.
    """
    networks, trainings, single = broadcast(network, data, training)
    like = torch.empty(0, dtype=precision(dtype), device=checked_device(device))
    seeds = checks.seeds(seeds)
    bar_wanted = checks.flag("progress", progress) and "CI" not in os.environ
    outputs = networks[0].outputs
    inputs = Inputs(data, dim, like, given_dataset(dataset, data), outputs)
    architecture = Architecture(networks[0], inputs)
    start = time.perf_counter()
    different = set(trainings)
    checks.memory(
        f"K of {len(different)} trainings",
        8 * len(different) * trainings[0].span ** 2,
        "train fewer steps, or fewer configurations in one call",
    )
    made = {training: training.memory() for training in different}
    memories = [made[training] for training in trainings]
    steps = len(memories[0].times) - 1
    groups = _groups(memories, architecture)
    checks.memory(
        "training one seed",
        like.element_size() * _numbers(architecture, groups, inputs),
        "use a smaller dim, fewer samples, or fewer configurations in one call",
    )
    kept = kept_steps(keep_errors, steps)
    curves = len(networks) * len(seeds)
    checks.memory(
        f"the results of {curves:g} runs",
        8 * curves * outputs * (5 * (steps + 1) + 2 * len(kept) * inputs.dim),
        "train fewer seeds or configurations in one call, or keep the errors of fewer steps",
    )
    by_output = np.full((2, len(networks), len(seeds), outputs, steps + 1), np.nan)
    errors = np.full((len(networks), len(seeds), len(kept), outputs, inputs.dim), np.nan)
    total = len(seeds) * (steps + 1)
    bar = tqdm(total=total, delay=LONG_RUN, leave=False, disable=not bar_wanted)
    factors = [made_by.rate_factors(of) for of, made_by in zip(networks, trainings, strict=True)]
    train_seed = partial(_train, networks, factors, memories, groups, architecture, inputs)
    with torch.inference_mode(), torch.autocast(like.device.type, enabled=False), bar:
        finished = _record(train_seed, seeds, kept, by_output, errors, bar)
    excess, train = by_output.sum(axis=-2)
    test = excess + outputs * data.noise**2
    status = _verdicts((test, excess, train), by_output, finished)
    only = 0 if single else slice(None)
    return Runs(
        network=networks[0] if single else networks,
        data=data,
        training=trainings[0] if single else trainings,
        dim=inputs.dim,
        seeds=seeds,
        times=memories[0].times,
        status=status[only],
        wall_time=time.perf_counter() - start,
        test_loss=test[only],
        excess_loss=excess[only],
        train_loss=train[only],
        excess_by_output=by_output[0][only],
        train_by_output=by_output[1][only],
        weight_error=(errors if outputs > 1 else errors.squeeze(-2))[only] if kept else None,
    )


def _record(train_seed, seeds, kept, by_output, errors, bar):
    """Fill losses and errors of the weights seed by seed; return how many steps each seed got."""
    finished = np.zeros(len(seeds), int)
    try:
        for j, seed in enumerate(seeds):
            for t, (step_losses, lockstep) in enumerate(train_seed(seed)):
                by_output[:, :, j, :, t] = step_losses
                for i in np.flatnonzero(np.equal(kept, t)):
                    for group in lockstep:
                        errors[group.members, j, i] = group.weight_error()
                finished[j] = t + 1
                bar.update()
    except KeyboardInterrupt:
        pass
    return finished


def _verdicts(sums, by_output, finished):
    """The `Status` of each run [K, seeds]; losses after it are overwritten in place."""
    status = np.empty(by_output.shape[1:3], dtype=object)
    for k, j in np.ndindex(status.shape):
        parts = [loss for losses in by_output[:, k, j] for loss in losses]
        status[k, j] = judge([loss[k, j] for loss in sums] + parts, finished[j])
    return status


def _numbers(architecture, groups, inputs):
    """About how many numbers the weights, their histories and the samples of one seed are."""
    pairs, outputs = list(pairwise(architecture.sizes)), architecture.sizes[-1]
    weights = sum(below * above for below, above in pairs)
    fields = outputs * sum(below + above for below, above in pairs)
    total = weights + inputs.samples * (inputs.dim + outputs)
    for members, (length, foldable) in groups:
        total += len(members) * (length * fields + (weights if foldable else 0))
    return total


def _train(networks, factors, memories, groups, architecture, inputs, seed):
    """Yield (excess, train) [K, C] of step 0, 1, .. of all configurations of one seed, and its networks."""
    of_weights, of_data = seed if isinstance(seed, tuple) else (seed, seed)
    sampling = inputs.sampling(of_data)
    initial = draw_weights(of_weights, architecture.sizes, inputs.eigenvalues)
    lockstep = [
        Lockstep(
            members,
            [networks[k] for k in members],
            [factors[k] for k in members],
            [memories[k] for k in members],
            history,
            architecture,
            inputs,
            initial,
        )
        for members, history in groups
    ]
    losses = np.empty((2, len(networks), architecture.sizes[-1]))
    for t in range(len(memories[0].times)):
        sampling.draw(t)
        for group in lockstep:
            losses[:, group.members] = group.step(t, sampling)
        yield losses, lockstep


def _groups(memories, architecture):
    """Indices of the configurations that are computed together, few enough, and their history length."""
    _, room = rows_for(architecture.sizes[-1])
    by_history = {}
    for k, memory in enumerate(memories):
        by_history.setdefault(history_length(architecture.sizes, memory), []).append(k)
    return [
        (same[i : i + room], history)
        for history, same in by_history.items()
        for i in range(0, len(same), room)
    ]
