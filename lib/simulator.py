"""`simulate`: train networks of finite size on the problem that `solve` solves."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tqdm import tqdm

from lib import checks
from lib.data import Data
from lib.draws import draw_weights
from lib.fields import Architecture, Lockstep
from lib.finite_data import Inputs
from lib.network import Network
from lib.status import judge
from lib.sweep import broadcast
from lib.training import Training
from lib.weights import LOCKSTEP, history_length

CURVES = ("test_loss", "excess_loss", "train_loss")

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
    seeds : tuple of int
        Network j has the weights and data of `seeds[j]`.
    times : [steps + 1]
        In steps; step 0 is the initial network.
    test_loss, excess_loss, train_loss : [seeds, steps + 1]
        Population loss, the same without the noise floor $\sigma^2$, and the loss on the training set
        (repeated data) or on the fresh batch (one pass); no factor 1/2.
    status : [seeds] array of Status
        What happened and what to do about it.
    wall_time : float
        Seconds spent training (everything together).
    """

    network: Network | tuple[Network, ...]
    data: Data
    training: Training | tuple[Training, ...]
    dim: int
    seeds: tuple[int, ...]
    times: np.ndarray
    test_loss: np.ndarray
    excess_loss: np.ndarray
    train_loss: np.ndarray
    status: np.ndarray
    wall_time: float


def simulate(
    network,
    data,
    training,
    *,
    dim=None,
    seeds=8,
    device="cpu",
    dtype="float64",
    progress=True,
):
    r"""Train networks of finite size by (stochastic) gradient descent.

    A linear network acts on one vector per step (equations {eq}`model-fields` of the book): with
    $v = \beta^* - \beta(t)$ and $u$ the error signal it makes of the data,

    $$ g^L = w, \quad g^l = W^{l\top} g^{l+1}/\sqrt{N_l}, \quad v = \beta^* - W^{0\top} g^1 \sqrt D/(\gamma_0 N_L), $$
    $$ h^1 = W^0 u/\sqrt D, \quad h^{l+1} = W^l h^l/\sqrt{N_l} , $$

    and the gradient of $W^l$ is $g^{l+1} h^{l\top}$, so that a step costs $O(PD + \sum_l N_l N_{l+1})$.

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
    seeds : int or sequence of int
        Networks to train, as seeds 0 .. n-1 or as listed.
    device : str or torch.device
        "cpu" or "cuda".
    dtype : str
        "float64", or "float32" for speed; the draws are the same in both.
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
    NotImplementedError
        For several outputs.
    """
    networks, trainings, single = broadcast(network, data, training)
    if networks[0].outputs > 1:
        raise NotImplementedError("networks are trained with one output: leave outputs out.")
    like = torch.empty(0, dtype=_precision(dtype), device=_device(device))
    seeds = _seeds(seeds)
    bar_wanted = checks.flag("progress", progress) and "CI" not in os.environ
    inputs = Inputs(data, dim, like)
    architecture = Architecture(networks[0], inputs)
    steps = trainings[0].steps
    start = time.perf_counter()
    made = {training: training.memory() for training in trainings}
    memories = [made[training] for training in trainings]
    losses = np.full((len(CURVES), len(networks), len(seeds), steps + 1), np.nan)
    finished = np.zeros(len(seeds), int)
    total = len(seeds) * (steps + 1)
    bar = tqdm(total=total, delay=LONG_RUN, leave=False, disable=not bar_wanted)
    with torch.inference_mode(), bar:
        try:
            for j, seed in enumerate(seeds):
                for t, step_losses in enumerate(
                    _train(networks, memories, architecture, inputs, seed)
                ):
                    losses[:, :, j, t] = step_losses
                    finished[j] = t + 1
                    bar.update()
        except KeyboardInterrupt:
            pass
    status = np.empty((len(networks), len(seeds)), dtype=object)
    for k, j in np.ndindex(status.shape):
        status[k, j] = judge(losses[:, k, j], finished[j])
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
        **{name: curve[only] for name, curve in zip(CURVES, losses, strict=True)},
    )


def _train(networks, memories, architecture, inputs, seed):
    """Yield the losses [curves, K] of step 0, 1, .. of all configurations of one seed."""
    sampling = inputs.sampling(seed)
    initial = draw_weights(seed, architecture.sizes, inputs.eigenvalues)
    groups = [
        Lockstep(
            members,
            [networks[k] for k in members],
            [memories[k] for k in members],
            architecture,
            inputs,
            initial,
        )
        for members in _groups(memories, architecture)
    ]
    losses = np.empty((len(CURVES), len(networks)))
    for t in range(len(memories[0].times)):
        sampling.draw(t)
        for group in groups:
            excess, train = group.step(t, sampling)
            losses[:, group.members] = excess + inputs.data.noise**2, excess, train
        yield losses


def _groups(memories, architecture):
    """Indices of the configurations that are computed together: one history length, few enough."""
    by_history = {}
    for k, memory in enumerate(memories):
        by_history.setdefault(history_length(architecture.sizes, memory), []).append(k)
    return [
        same[i : i + LOCKSTEP]
        for same in by_history.values()
        for i in range(0, len(same), LOCKSTEP)
    ]


def _precision(dtype):
    names = {"float32": torch.float32, "float64": torch.float64}
    for name, precision in names.items():
        if dtype in (name, precision):
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


def _seeds(seeds):
    if isinstance(seeds, Sequence) and not isinstance(seeds, (str, bytes)):
        listed = tuple(checks.integer(f"seeds[{i}]", seed, least=0) for i, seed in enumerate(seeds))
    else:
        listed = tuple(range(checks.integer("seeds", seeds, least=0)))
    if not listed:
        raise ValueError("there are no seeds: give a number of at least 1, or a list.")
    return listed
