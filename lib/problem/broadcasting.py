"""How many problems are given: one, or K networks and trainings that are computed as one batch."""

from lib import checks
from lib.problem.data import Data
from lib.problem.network import Network
from lib.problem.training import Training


def _members(name, value, kind):
    """`value` as a tuple of `kind`, and whether it was a sequence."""
    if isinstance(value, kind):
        return (value,), False
    if not checks.listed(value) or len(value) == 0:
        raise ValueError(f"{name} is {value!r}: give one lib.{kind.__name__} or a list of them.")
    for entry in value:
        if not isinstance(entry, kind):
            raise ValueError(f"{name} contains {entry!r}: give only lib.{kind.__name__} objects.")
    return tuple(value), True


def one_problem(network, data, training, kind=Training):
    """Refuse what is not one problem with a training of this `kind`."""
    for name, value, wanted in (
        ("network", network, Network),
        ("data", data, Data),
        ("training", training, kind),
    ):
        if not isinstance(value, wanted):
            raise ValueError(
                f"{name} is {value!r}: give one lib.{wanted.__name__}, not a sequence of them."
            )


def broadcast(network, data, training):
    """Return (networks, trainings, single): tuples of equal length K, and whether K has no axis."""
    networks, many_networks = _members("network", network, Network)
    trainings, many_trainings = _members("training", training, Training)
    if not isinstance(data, Data):
        raise ValueError(f"data is {data!r}: give a lib.Data.")
    if many_networks and many_trainings and len(networks) != len(trainings):
        raise ValueError(
            f"{len(networks)} networks but {len(trainings)} trainings: "
            "give sequences of one length, or a single one of either."
        )
    if len({entry.shape for entry in networks}) > 1:
        raise ValueError(
            "the networks of one sequence differ in depth, width, branch_scale or outputs: "
            "make one call for each shape."
        )
    if len({(type(entry), entry.span) for entry in trainings}) > 1:
        raise ValueError(
            "the trainings of one sequence differ in steps (or duration): give all the same, "
            "or make one call for each."
        )
    count = max(len(networks), len(trainings))
    if not many_networks:
        networks *= count
    if not many_trainings:
        trainings *= count
    for one, other in zip(networks, trainings, strict=True):
        other.rate_factors(one)  # as many as the network has matrices, or an error that says so
    return networks, trainings, not (many_networks or many_trainings)
