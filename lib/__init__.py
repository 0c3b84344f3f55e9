"""Exact learning curves of wide, deep linear networks, and the networks themselves.

`solve` gives the theory (numpy and scipy alone), `simulate` trains real networks (torch, imported on
first use). Both take the same problem: a `Network`, a `Data` and a `GradientDescent`.
"""

from lib.data import Data
from lib.dataset import Dataset
from lib.network import Network
from lib.solution import Solution
from lib.solver import solve
from lib.spectrum import Spectrum
from lib.status import Outcome, Status
from lib.training import GradientDescent

__all__ = [
    "Data",
    "Dataset",
    "GradientDescent",
    "Network",
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
