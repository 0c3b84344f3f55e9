"""Exact learning curves of wide, deep linear networks, and the networks themselves.

`solve` gives the theory (numpy and scipy alone), `simulate` trains real networks (torch, imported on
first use). Both take the same problem: a `Network`, a `Data` and a `GradientDescent`.
"""

from lib.data import Data
from lib.grid import EveryStep, Nodes
from lib.network import Network
from lib.solution import Solution
from lib.solver import solve
from lib.spectrum import Spectrum
from lib.status import Outcome, Status
from lib.training import GradientDescent, GradientFlow

__all__ = [
    "Data",
    "EveryStep",
    "GradientDescent",
    "GradientFlow",
    "Network",
    "Nodes",
    "Outcome",
    "Runs",
    "Solution",
    "Spectrum",
    "Status",
    "simulate",
    "solve",
]


def __getattr__(name):
    if name in ("simulate", "Runs"):
        from lib import simulator

        return getattr(simulator, name)
    raise AttributeError(f"module 'lib' has no attribute {name!r}")
