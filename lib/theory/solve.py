"""`solve`: from a problem to its learning curves in the limit of infinite size."""

import math
import time
from functools import partial

from lib import checks
from lib.horizons.node_march import NODES
from lib.horizons.nodes import Interpolant
from lib.problem.broadcasting import broadcast
from lib.problem.training import GradientFlow
from lib.status import Outcome
from lib.theory import compressed_past, every_step, on_nodes
from lib.theory.architectures import solve_layers
from lib.theory.assembly import cancellation, cancellation_error, first_of
from lib.theory.grid import (
    CHEAP_STEPS,
    FEWEST,
    REPORTED_STEPS,
    CompressedPast,
    EveryStep,
    Nodes,
)
from lib.theory.solution import Solution

MOST_CANCELLATION = 1e-5
"""Centered networks whose rounding errors are larger than this part of their losses are refused."""

FOLLOWED_ROWS = 2000
"""Up to so many rows a run that nodes lose is solved at every step instead, if the grid is the solver's choice."""

LOST = (Outcome.UNSTABLE, Outcome.UNRESOLVED)

METHODS = {EveryStep: every_step, CompressedPast: compressed_past, Nodes: on_nodes}


def solve(
    network, data, training, *, grid=None, keep_matrices=None, depth_tolerance=None, progress=None
):
    r"""Solve the dynamical mean-field theory of training.

    Closed equations for two-time correlations and responses (equations {eq}`deep-pair` and
    {eq}`deep-input` of the book), exact in the limit D, N, P -> infinity at fixed ratios, solved by one
    sweep through time: O(L T^2) memory and O(L T^3) time at every step, O(L T log^2 T) time with a
    compressed past, or on O(log T) nodes.

    Parameters
    ----------
    network : Network or sequence of Network
        A sequence must share depth, widths, branches and outputs.
    data : Data
    training : Training or sequence of Training
        `GradientDescent` or `GradientFlow`. A sequence must share `steps` (`duration`). Sequences of
        networks and trainings have one length K; a single one of either is used for all.
    grid : EveryStep, CompressedPast, Nodes or None
        Where in time the equations are kept. None: every step for a few hundred steps, and where
        `keep_matrices` asks for it; for more, with a tolerance of 1e-8, a compressed past for fresh
        batches (every step if their schedule jumps or bends so often that nothing would be gained) and
        nodes otherwise (where these lose a run of up to 2,000 rows, at an edge of stability that is
        passed late for one, it is solved at every step); for gradient flow nodes with the tolerance of
        the flow.
    keep_matrices : bool or None
        Keep the two-time matrices in the result. True gives all of them, at every step (on nodes, which
        are then `times`, the correlations); False saves memory in large sweeps; None keeps what the
        solution has at hand: everything at every step; nothing of a compressed past; on nodes the
        correlations of one problem, if `times` are the nodes (long horizons and gradient flow).
    depth_tolerance : float or None
        For networks of infinite depth: wanted relative error of the losses from the quadrature in
        layer time; `Solution.depth_error` is what was reached, and part of `Solution.error`. None: the
        tolerance of the grid (of the flow), 1e-5 at most and at every step.
    progress : callable or None
        Called with (rows done, rows) as the march proceeds.

    Returns
    -------
    Solution
        A diverging run is no error: its losses are inf from that step on, and `status` says so.

    Raises
    ------
    ValueError
        If the arguments do not fit together.

    Notes
    -----
    Bordelon and Pehlevan, "Deep Linear Network Training Dynamics from Random Initialization"
    (ICML 2025), with their misprints corrected.
    """
    networks, trainings, single = broadcast(network, data, training)
    if depth_tolerance is not None:
        checks.number("depth_tolerance", depth_tolerance, positive=True)
    if keep_matrices is not None:
        keep_matrices = checks.flag("keep_matrices", keep_matrices)
    if progress is not None and not callable(progress):
        raise ValueError(
            f"progress is {progress!r}: give a function of (rows done, rows), or None."
        )
    chosen = grid is None and not isinstance(trainings[0], GradientFlow)
    grid = _grid(grid, networks[0], data, trainings, keep_matrices)
    if keep_matrices and isinstance(grid, CompressedPast):
        raise ValueError(
            "a compressed past holds moments in place of two-time matrices: leave keep_matrices out, "
            "or give grid=lib.EveryStep()."
        )
    if keep_matrices and isinstance(grid, Nodes) and not single:
        raise ValueError(
            "each problem of a sequence has nodes of its own, and so have its two-time matrices: "
            "solve one by one, or leave keep_matrices out."
        )
    for entry in networks:
        if cancellation(entry) > MOST_CANCELLATION:
            least = entry.richness * math.sqrt(cancellation(entry) / MOST_CANCELLATION)
            raise ValueError(
                f"richness {entry.richness:g} is so small that what this centered network learns is "
                f"rounding error of what it starts from: give at least {1.06 * least:.2g}, where the "
                "lazy limit is reached, or width=math.inf."
            )
    start = time.perf_counter()

    def solved(grid, networks, trainings, keep_matrices):
        method = METHODS[type(grid)]
        problem = networks, data, trainings, grid, keep_matrices, progress
        return solve_layers(networks[0], partial(method.solve, *problem), depth_tolerance, grid)

    fields = solved(grid, networks, trainings, keep_matrices)
    lost = [k for k, status in enumerate(fields["status"]) if status.outcome in LOST]
    if chosen and lost and (trainings[0].span + 1) * networks[0].outputs <= FOLLOWED_ROWS:
        again = [[entries[k] for k in lost] for entries in (networks, trainings)]
        fields = _replaced(fields, lost, solved(EveryStep(), *again, False))
    fields["error"] = fields["error"] + cancellation_error(networks, fields)
    times = fields.pop("times")
    interpolants = fields.pop("interpolants", None)
    if single:
        fields = {name: first_of(value) for name, value in fields.items()}
    return Solution(
        network=networks[0] if single else networks,
        data=data,
        training=trainings[0] if single else trainings,
        times=times,
        grid=grid,
        interpolants=interpolants,
        wall_time=time.perf_counter() - start,
        **fields,
    )


def _replaced(fields, lost, again):
    """`fields` with those of the configurations `lost` from `again`, which has every step."""
    kept = {
        name: value for name, value in fields.items() if name in again or name == "interpolants"
    }
    for name in set(again) - {"times"}:
        for k, value in zip(lost, again[name], strict=True):
            kept[name][k] = value
    for k in lost if "interpolants" in kept else ():
        kept["interpolants"][k] = Interpolant(kept["times"])
    return kept


def _grid(grid, network, data, trainings, keep_matrices):
    """The grid to solve on, checked against the problem."""
    training = trainings[0]
    flow = isinstance(training, GradientFlow)
    if flow and data.batch is not None:
        raise ValueError(
            "gradient flow with fresh batches: their noise vanishes in continuous time; "
            "leave batch out (population gradient), or use GradientDescent."
        )
    recursive = all(entry.start() is not None for entry in trainings)
    if grid is None:
        if flow:
            return Nodes(training.tolerance)
        rows = (training.steps + 1) * network.outputs
        few = rows <= CHEAP_STEPS or training.steps < FEWEST
        if few or keep_matrices or not recursive:
            return EveryStep()
        if data.batch is not None:
            past = CompressedPast()
            return past if compressed_past.worth(trainings, past.most) else EveryStep()
        return (
            Nodes(most=training.steps + 1 + NODES) if training.steps <= REPORTED_STEPS else Nodes()
        )
    if not isinstance(grid, (EveryStep, CompressedPast, Nodes)):
        raise ValueError(
            f"grid is {grid!r}: give lib.EveryStep(), lib.CompressedPast(), lib.Nodes() or None."
        )
    if flow and not isinstance(grid, Nodes):
        raise ValueError("gradient flow has no steps: leave grid out, or give lib.Nodes().")
    if not recursive and not isinstance(grid, EveryStep):
        raise ValueError(
            f"{type(training).__name__} gives its K and no recursion from step to step: "
            "leave grid out, or give it a `recursion`."
        )
    if data.batch is not None and isinstance(grid, Nodes):
        raise ValueError(
            "the noise of fresh batches is not smooth in time: leave grid out, or give "
            "lib.CompressedPast() or lib.EveryStep()."
        )
    return grid
