"""Which stack of hidden layers a network has."""

from lib.layers import PlainStack
from lib.residual import ResidualStack


def stack_of(network):
    """The class whose instances are the network's hidden layers in the march."""
    return PlainStack if network.branch_scale is None else ResidualStack
