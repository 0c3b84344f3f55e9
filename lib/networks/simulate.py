"""`simulate`: train networks of finite size on the problem that `solve` solves."""

import os
import time
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from tqdm import tqdm

from lib import checks
from lib.networks.fields import Architecture
from lib.networks.finite_data import Inputs
from lib.networks.together import batches, groups_of, numbers, train
from lib.problem.broadcasting import broadcast
from lib.problem.data import Data
from lib.problem.dataset import Dataset
from lib.problem.network import Network
from lib.problem.training import Training
from lib.status import judge

LONG_RUN = 2.0
"""Seconds after which a progress bar appears."""


@dataclass(frozen=True, eq=False)
class Runs:
    r"""Learning curves of networks of finite size.

    For a sequence of K networks or trainings every array gains a leading axis of length K.

    Attributes
    ----------
    dim : int
        Input dimension D.
    seeds : tuple of int or pairs of int
        Network j has the weights and data of `seeds[j]`.
    times : [steps + 1]
        In steps; step 0 is the initial network.
    test_loss, excess_loss, train_loss : [seeds, steps + 1]
        Population loss, the same without the noise floor $\sigma^2$, and the loss on the training set
        (repeated data) or on the fresh batch (one pass); summed over outputs, no factor 1/2.
    excess_by_output, train_by_output : [seeds, C, steps + 1]
        The parts of the excess and the training loss that belong to each output.
    status : [seeds] array of Status
        What happened and what to do about it.
    wall_time : float
        Seconds spent training (everything together).
    weight_error : [seeds, kept steps, D] or None
        $\sqrt{\lambda_i/D}\; v_i$ at the steps of `keep_errors` ([seeds, kept steps, C, D] for several
        outputs); its square sums to the excess loss, and
        averages over networks are the errors of their average.
    """

    network: Network | tuple[Network, ...]
    data: Data
    training: Training | tuple[Training, ...]
    dim: int
    seeds: tuple
    times: np.ndarray
    test_loss: np.ndarray
    excess_loss: np.ndarray
    train_loss: np.ndarray
    excess_by_output: np.ndarray
    train_by_output: np.ndarray
    status: np.ndarray
    wall_time: float
    weight_error: np.ndarray | None = None


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
    like = torch.empty(0, dtype=_precision(dtype), device=_device(device))
    seeds = checks.seeds(seeds)
    bar_wanted = checks.flag("progress", progress) and "CI" not in os.environ
    outputs = networks[0].outputs
    inputs = Inputs(data, dim, like, _dataset(dataset, data), outputs)
    architecture = Architecture(networks[0], inputs)
    start = time.perf_counter()
    made = {training: training.memory() for training in trainings}
    memories = [made[training] for training in trainings]
    steps = len(memories[0].times) - 1
    groups = groups_of(memories, architecture)
    size = like.element_size() * numbers(architecture, groups, inputs)
    checks.memory(
        "training one seed", size, "use a smaller dim, fewer samples, or fewer configurations"
    )
    kept = _kept_steps(keep_errors, steps)
    losses = np.full((2, len(seeds), len(networks), outputs, steps + 1), np.nan)
    errors = np.full((len(seeds), len(networks), len(kept), outputs, inputs.dim), np.nan)
    total = len(seeds) * (steps + 1)
    bar = tqdm(total=total, delay=LONG_RUN, leave=False, disable=not bar_wanted)
    factors = [made_by.rate_factors(of) for of, made_by in zip(networks, trainings, strict=True)]
    train_some = partial(train, networks, factors, memories, groups, architecture, inputs)
    finished = np.zeros(len(seeds), int)
    with torch.inference_mode(), torch.autocast(like.device.type, enabled=False), bar:
        try:
            for some in batches(len(seeds), size, like.device):
                train_some(seeds[some], kept, losses[:, some], errors[some], finished[some], bar)
        except KeyboardInterrupt:
            pass
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


def _verdicts(sums, by_output, finished):
    """The `Status` of each run [K, seeds]; losses after it are overwritten in place."""
    status = np.empty(by_output.shape[1:3], dtype=object)
    for k, j in np.ndindex(status.shape):
        parts = [loss for losses in by_output[:, k, j] for loss in losses]
        status[k, j] = judge([loss[k, j] for loss in sums] + parts, finished[j])
    return status


def _dataset(dataset, data):
    if dataset is None:
        return None
    if not isinstance(dataset, Dataset):
        raise ValueError(f"dataset is {dataset!r}: give a lib.Dataset.")
    if not dataset.describes(data):
        raise ValueError(
            "data and dataset differ in spectrum or noise: make data with dataset.data(...)."
        )
    return dataset


def _precision(dtype):
    for precision in (torch.float32, torch.float64):
        name = str(precision).removeprefix("torch.")
        if dtype is precision or dtype in (name, np.dtype(name)):
            return precision
    raise ValueError(f"dtype is {dtype!r}: give 'float32' or 'float64'.")


def _device(device):
    try:
        device = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"device is {device!r}: give 'cpu' or 'cuda'.") from error
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"device is '{device}': give 'cpu' or 'cuda'.")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError("device is 'cuda' but this torch sees no GPU: give 'cpu'.")
    return device


def _kept_steps(keep_errors, steps):
    if not checks.listed(keep_errors):
        raise ValueError(f"keep_errors is {keep_errors!r}: give a list of steps.")
    kept = [checks.integer("keep_errors", step, least=0) for step in checks.plain(keep_errors)]
    if any(step > steps for step in kept):
        raise ValueError(f"keep_errors lists steps beyond the last one, {steps}.")
    return kept
