"""Which stack of hidden layers a network has, and how problems are solved with it."""

import math

from lib.equations import infinite_depth
from lib.equations.layers import PlainStack
from lib.equations.residual import ResidualStack


def solve_layers(network, solve_with, depth_tolerance):
    """Call `solve_with` a class of stacks that `march` can fill; return its dict of results."""
    if network.branch_scale is None:
        return solve_with(PlainStack)
    if math.isinf(network.depth):
        return infinite_depth.settle(solve_with, depth_tolerance)
    return solve_with(ResidualStack)


def matrices_of(network):
    """About how many two-time matrices the hidden layers of a network take."""
    if network.branch_scale is None:
        return 8 * network.depth
    if math.isinf(network.depth):
        return 20 * infinite_depth.usual_nodes(network)
    return 20 * network.depth
