"""Exact learning curves of wide, deep linear networks, and the networks themselves.

`solve` gives the theory (numpy and scipy alone), `simulate` trains real networks (torch, imported on
first use). Both take the same problem: a `Network`, a `Data` and a `GradientDescent`.
"""

from importlib import import_module

from lib.data import Data
from lib.dataset import Dataset
from lib.grid import CompressedPast, EveryStep, Nodes
from lib.network import Network
from lib.rates import Rate, Search, max_stable_learning_rate, optimal_learning_rate
from lib.solution import Solution
from lib.solver import solve
from lib.spectrum import Spectrum
from lib.status import Outcome, Status
from lib.training import GradientDescent, GradientFlow

__all__ = [
    "CompressedPast",
    "Data",
    "Dataset",
    "EveryStep",
    "GradientDescent",
    "GradientFlow",
    "MeasuredRate",
    "Network",
    "Nodes",
    "Outcome",
    "Rate",
    "RateCurves",
    "Runs",
    "Search",
    "Solution",
    "Spectrum",
    "Status",
    "max_stable_learning_rate",
    "measured_max_stable_learning_rate",
    "measured_optimal_learning_rate",
    "measured_rate_curves",
    "optimal_learning_rate",
    "rate_curves",
    "simulate",
    "solve",
]

# What needs more than numpy and scipy is imported when it is first used.
LATER = {
    "simulate": "lib.simulator",
    "Runs": "lib.simulator",
    "MeasuredRate": "lib.measured_rates",
    "measured_max_stable_learning_rate": "lib.measured_rates",
    "measured_optimal_learning_rate": "lib.measured_rates",
    "RateCurves": "lib.rate_sweeps",
    "measured_rate_curves": "lib.rate_sweeps",
    "rate_curves": "lib.rate_sweeps",
}


def __getattr__(name):
    if name in LATER:
        return getattr(import_module(LATER[name]), name)
    raise AttributeError(f"module 'lib' has no attribute {name!r}")
