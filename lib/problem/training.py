"""Training: gradient descent in steps, and gradient flow in continuous time.

Theory and networks see an optimizer as one matrix: how much the gradient of step s has moved the
weights by step t.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from lib import checks
from lib.horizons.optimizers import Flow, Steps
from lib.horizons.recursion import Recursion, every_step
from lib.problem import layerwise
from lib.problem.equal_by_value import ByValue


@dataclass(frozen=True)
class Memory:
    r"""What the theory and the simulator need to know about an optimizer.

    $$ W(t) = d(t)\, W(0) + \gamma_0 \sum_{s<t} K(t,s)\, g(s)\, h(s)^\top / \sqrt N . $$

    Attributes
    ----------
    times : [T]
        Times of the rows, in steps.
    K : [T, T]
        Strictly lower triangular, in units of the learning rate.
    decay : [T]
        d(t), the factor left of the initial weights; 1 without weight decay.
    """

    times: np.ndarray
    K: np.ndarray
    decay: np.ndarray


class Training(ABC):
    """An optimizer: all that theory and networks ask of it.

    One in steps has `steps` and its `recursion`, from which all else follows: K and d of networks and of
    every step, K on few nodes, K of a compressed past. One that is no recursion of a few numbers has
    `memory` in its place, and is followed at every step. `layer_rates` are factors of the rate, one per
    weight matrix; None: all 1.
    """

    layer_rates = None

    @property
    @abstractmethod
    def span(self):
        """What trainings of one sweep share: their steps, or their duration."""

    def recursion(self):
        """One step, as a `lib.horizons.recursion.Recursion`; None if there is none."""
        return None

    def memory(self):
        """The optimizer's `Memory` over steps 0 .. T: the impulse response of the recursion, row by row."""
        recursion = self.recursion()
        if recursion is None:
            raise ValueError(
                f"{type(self).__name__} has no steps, and networks are trained in steps: "
                "give lib.GradientDescent with a small learning rate."
            )
        checks.memory(f"K of {self.steps} steps one by one", 8 * self.steps**2, "train fewer steps")
        return Memory(np.arange(self.steps + 1.0), *every_step(recursion, self.steps))

    @property
    def learning_time(self):
        r"""$\sum_s K(T, s)$: how far a unit gradient at every step moves the weights; $\eta T$ of plain descent."""
        recursion = self.recursion()
        if recursion is None:
            return float(self.memory().K[-1].sum())
        return recursion.moved(self.steps)

    def rate_factors(self, network):
        """r_0 .. r_L for the matrices of `network` (W^0, branches, readout at infinite depth)."""
        factors = 1.0 if self.layer_rates is None else self.layer_rates
        return layerwise.by_matrix("layer_rates", factors, network.depth)

    @property
    def keeps(self):
        """Whether initial weights stay as they are, d = 1; False where that is not known."""
        recursion = self.recursion()
        return recursion is not None and recursion.keeps

    def start(self):
        """What it has done before the first step (see `lib.horizons.optimizers`); None: no recursion."""
        recursion = self.recursion()
        return None if recursion is None else Steps.before(recursion)


@dataclass(frozen=True, eq=False)
class GradientDescent(ByValue, Training):
    r"""(Stochastic) gradient descent with momentum, Nesterov's look-ahead and weight decay.

    Each step applies, to every weight matrix,

    $$ b \leftarrow \mu b + G, \qquad W \leftarrow (1 - \eta_t \omega) W - \eta_t b $$

    with G the gradient (in mean-field scaling, raw rate $\eta \gamma_0^2 N_L$); Nesterov uses
    $G + \mu b$ in place of b. Momentum and Nesterov are those of `torch.optim.SGD`, weight decay is
    decoupled.

    Parameters
    ----------
    steps : int
        $T \ge 1$.
    learning_rate : float or [steps]
        $\eta$, constant or one per step.
    momentum : float
        $\mu$ in [0, 1).
    nesterov : bool
        Needs momentum > 0.
    weight_decay : float
        $\omega \ge 0$, with $\eta_t \omega < 1$ at every step.
    layer_rates : sequence of L + 1 floats or None
        $r_l \ge 0$: the gradient of $W^l$ counts $r_l$ times, which makes its rate $r_l \eta_t$ and
        leaves the decay of its weights alone. One for each of $W^0, \dots, W^L$, the readout last; at
        infinite depth three: $W^0$, the branches (a number, or a function of layer time), the readout.
        None: all 1.

    Raises
    ------
    ValueError
        If a number is out of range or a schedule has the wrong length.
    """

    steps: int
    learning_rate: float | np.ndarray
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    layer_rates: tuple | None = None

    def __post_init__(self):
        def store(name, value):
            object.__setattr__(self, name, value)

        store("steps", checks.integer("steps", self.steps))
        if not checks.listed(self.learning_rate):
            store("learning_rate", checks.number("learning_rate", self.learning_rate))
        else:
            rates = np.array(checks.sequence("learning_rate", self.learning_rate))
            if len(rates) != self.steps:
                raise ValueError(
                    f"learning_rate lists {len(rates)} rates for {self.steps} steps: "
                    "give one number, or one per step."
                )
            rates.flags.writeable = False
            store("learning_rate", rates)
        store("momentum", checks.number("momentum", self.momentum, below=1))
        store("nesterov", checks.flag("nesterov", self.nesterov))
        store("weight_decay", checks.number("weight_decay", self.weight_decay))
        store("layer_rates", _layer_rates(self.layer_rates))
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs momentum: give a momentum in (0, 1).")
        if self.weight_decay * np.max(self.learning_rate) >= 1:
            raise ValueError(
                "learning_rate * weight_decay reaches 1, which erases the weights in one step: "
                "lower one of them."
            )

    @property
    def span(self):
        return self.steps

    def recursion(self):
        """x = (W, b), or W alone without momentum."""
        mu = self.momentum
        rates = np.atleast_1d(self.learning_rate)
        rates = rates[:1] if (rates == rates[0]).all() else rates
        kept = 1 - rates * self.weight_decay
        if mu == 0:
            return Recursion(kept[:, None, None], rates[:, None])
        old, new = (mu, 1 + mu) if self.nesterov else (1.0, 1.0)
        A = np.zeros((len(rates), 2, 2))
        A[:, 0, 0], A[:, 0, 1], A[:, 1, 1] = kept, rates * old * mu, mu
        return Recursion(A, np.stack([rates * new, np.ones_like(rates)], axis=1))

    @property
    def rates(self):
        """eta_t for every step, [steps]."""
        return np.broadcast_to(np.asarray(self.learning_rate, float), (self.steps,))


@dataclass(frozen=True)
class GradientFlow(Training):
    r"""Gradient descent in continuous time, with $dt = \eta$ per step.

    $$ \dot W = -G, \qquad K(t,s) = [s < t] $$

    in the units in which a step of gradient descent moves the weights by $-\eta G$: the limit
    $\eta \to 0$ at fixed $t = \eta n$ after n steps. For population gradients and repeated data (the
    noise of fresh batches vanishes in this limit). Networks are trained in steps.

    Parameters
    ----------
    duration : float
        t > 0 at the end.
    tolerance : float
        Relative error of the losses that is aimed at, as in `lib.Nodes`; above 1e-6 it is taken as 1e-6.
    layer_rates : sequence of L + 1 floats or None
        $r_l \ge 0$, factors of the gradients of $W^0, \dots, W^L$, as for `GradientDescent`.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    duration: float
    tolerance: float = 1e-8
    layer_rates: tuple | None = None

    def __post_init__(self):
        duration = checks.number("duration", self.duration, positive=True)
        tolerance = checks.number("tolerance", self.tolerance, positive=True, below=1)
        object.__setattr__(self, "duration", duration)
        object.__setattr__(self, "tolerance", tolerance)
        object.__setattr__(self, "layer_rates", _layer_rates(self.layer_rates))

    @property
    def span(self):
        return self.duration

    @property
    def learning_time(self):
        return self.duration

    @property
    def keeps(self):
        return True

    def start(self):
        return Flow(np.zeros(1))


def _layer_rates(value):
    if value is None:
        return None
    if not checks.listed(value):
        raise ValueError(
            f"layer_rates is {value!r}: give one factor per weight matrix, the readout last, or None; "
            "a factor common to all is part of the learning rate (or the duration)."
        )
    return layerwise.checked("layer_rates", value, positive=False)
