"""`simulate`: train networks of finite size on the problem that `solve` solves."""

import os
import sys
import time
from contextlib import suppress
from functools import partial
from threading import Event

import numpy as np
import torch
from tqdm import tqdm

from lib import checks
from lib.networks.fields import Architecture
from lib.networks.finite_data import Inputs
from lib.networks.options import device as checked_device
from lib.networks.options import exact_products, given_dataset, kept_steps, precision
from lib.networks.runs import Runs
from lib.networks.together import batches, groups_of, numbers, side_by_side, train
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
        As for `lib.solve`. All K configurations of a seed start from the same weights and see the same
        data; what one of them does never depends on the others.
    data : Data
    training : Training or sequence of Training
        One with steps, `GradientDescent` for one.
    dim : int
        Input dimension D. Layers have $\nu_l D$ neurons and data sets $\alpha D$ samples, rounded; mode k
        of the spectrum is $m_k D$ of the input directions. A dimension-free spectrum fixes it: leave it
        out there.
    dataset : Dataset or None
        Given samples in the place of Gaussian ones: each seed draws its training set or its batches
        from them, and repeated data are tested on the samples left over. `data` is then
        `dataset.data(...)`.
    seeds : int or sequence of int or pairs of int
        Networks to train, as seeds 0 .. n-1 or as listed. A pair (i, j) is a network with the initial
        weights of seed i on the data of seed j.
    device : str or torch.device
        "cpu", "cuda" or "cuda:1". A seed is the same network on the same data on each, to the last bit;
        the steps that follow agree to rounding.
    dtype : str
        "float64", or "float32" for speed; the draws are the same in both.
    keep_errors : sequence of int
        Steps at which the error of the weights is kept, for averages over networks.
    progress : bool
        Show a progress bar in long runs, where standard error is a terminal and the environment
        variable CI is not set: a notebook would store each of its states.

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
    bar_wanted = checks.flag("progress", progress) and watched()
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
    groups = groups_of(memories, architecture)
    kept = kept_steps(keep_errors, steps)
    held = numbers(architecture, groups, inputs, steps + 1, len(kept))
    sizes = (like.element_size() * number for number in held)
    slices, *workers = batches(len(seeds), *sizes, like.device)
    curves = len(networks) * len(seeds)
    checks.memory(
        f"the results of {curves:g} runs",
        8 * curves * outputs * (5 * (steps + 1) + len(kept) * inputs.dim),
        "train fewer seeds or configurations in one call, or keep the errors of fewer steps",
    )
    losses = np.full((2, len(seeds), len(networks), outputs, steps + 1), np.nan)
    errors = np.full((len(seeds), len(networks), len(kept), outputs, inputs.dim), np.nan)
    total = len(seeds) * (steps + 1)
    bar = tqdm(total=total, delay=LONG_RUN, leave=False, disable=not bar_wanted)
    factors = [made_by.rate_factors(of) for of, made_by in zip(networks, trainings, strict=True)]
    train_some = partial(train, networks, factors, memories, groups, architecture, inputs)
    finished = np.zeros(len(seeds), int)
    stop = Event()

    def train_slice(some):
        with torch.inference_mode(), torch.autocast(like.device.type, enabled=False):
            train_some(seeds[some], kept, losses[:, some], errors[some], finished[some], bar, stop)

    with bar, exact_products(), suppress(KeyboardInterrupt):
        side_by_side(train_slice, slices, *workers, stop)
    by_output, errors = np.moveaxis(losses, 2, 1), np.moveaxis(errors, 1, 0)
    excess, of_training = by_output.sum(axis=-2)
    test = excess + outputs * data.noise**2
    status = _verdicts((test, excess, of_training), by_output, finished)
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
        train_loss=of_training[only],
        excess_by_output=by_output[0][only],
        train_by_output=by_output[1][only],
        weight_error=(errors if outputs > 1 else errors.squeeze(-2))[only] if kept else None,
    )


def watched():
    """Whether somebody looks at a terminal."""
    return "CI" not in os.environ and sys.stderr.isatty()


def _verdicts(sums, by_output, finished):
    """The `Status` of each run [K, seeds]; losses after it are overwritten in place."""
    status = np.empty(by_output.shape[1:3], dtype=object)
    for k, j in np.ndindex(status.shape):
        parts = [loss for losses in by_output[:, k, j] for loss in losses]
        status[k, j] = judge([loss[k, j] for loss in sums] + parts, finished[j])
    return status
