"""`simulate`: train networks of finite size on the problem that `solve` solves."""

import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tqdm import tqdm

from lib import checks
from lib.data import Data
from lib.draws import Inputs, draw_weights, sample_count, sampling
from lib.network import Network
from lib.status import Outcome, Status, judge
from lib.sweep import broadcast
from lib.training import GradientDescent
from lib.weights import LOCKSTEP, Weights, history_length

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
    training: GradientDescent | tuple[GradientDescent, ...]
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

    $$ g^L = w, \quad g^l = W^{l\top} g^{l+1}/\sqrt{N_l}, \quad v = \beta^* - W^{0\top} g^1 \sqrt D/(\gamma_0 N_L), \quad
       h^1 = W^0 u/\sqrt D, \quad h^{l+1} = W^l h^l/\sqrt{N_l} , $$

    and the gradient of $W^l$ is $g^{l+1} h^{l\top}$, so that a step costs $O(PD + \sum_l N_l N_{l+1})$.

    Parameters
    ----------
    network : Network or sequence of Network
        A sequence must share depth, widths, branches and outputs.
    data : Data
    training : GradientDescent or sequence of GradientDescent
        A sequence must share `steps`. Sequences of networks and trainings have one length K; a
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
    networks, trainings, single = broadcast(network, data, training, GradientDescent)
    if networks[0].outputs > 1:
        raise NotImplementedError("networks are trained with one output: leave outputs out.")
    like = torch.empty(0, dtype=_precision(dtype), device=_device(device))
    seeds = _seeds(seeds)
    inputs = _inputs(data, dim, like)
    sizes = _sizes(networks[0], data, inputs)
    start = time.perf_counter()
    groups = _groups(networks, trainings, sizes)
    losses = np.full((len(CURVES), len(networks), len(seeds), trainings[0].steps + 1), np.nan)
    bar = tqdm(
        total=len(seeds) * (trainings[0].steps + 1),
        delay=LONG_RUN,
        leave=False,
        disable=not checks.flag("progress", progress) or "CI" in os.environ,
    )
    rows = [0] * len(seeds)
    try:
        with bar:
            for j, seed in enumerate(seeds):
                curves = [_Curves(group, losses[:, :, j]) for group in groups]
    except KeyboardInterrupt:
        pass


