"""What training networks returns."""

from dataclasses import dataclass

import numpy as np

from lib.problem.data import Data
from lib.problem.network import Network
from lib.problem.summary import Summarized
from lib.problem.training import Training


@dataclass(frozen=True, eq=False, repr=False)
class Runs(Summarized):
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
    test_loss : [seeds, steps + 1]
        Population loss; summed over outputs, no factor 1/2, here and below.
    excess_loss : [seeds, steps + 1]
        The same without the noise floor $\sigma^2$.
    train_loss : [seeds, steps + 1]
        The loss on the training set (repeated data) or on the fresh batch (one pass).
    excess_by_output : [seeds, C, steps + 1]
        The parts of the excess loss that belong to each output.
    train_by_output : [seeds, C, steps + 1]
        The parts of the training loss that belong to each output.
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
