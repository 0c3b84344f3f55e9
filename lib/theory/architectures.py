"""Weight matrices and hidden layers of a network, and how problems are solved with them."""

import math
from functools import partial

import numpy as np

from lib.equations import infinite_depth
from lib.equations.layer_time import Branches
from lib.equations.layers import PlainStack
from lib.equations.linear_gaussian import TrainedMatrix
from lib.equations.residual import ResidualStack
from lib.problem import layerwise
from lib.theory import settled_depth


def solve_layers(network, solve_with, depth_tolerance, grid):
    """Call `solve_with` a class of stacks that `march` can fill; return its dict of results."""
    if network.branch_scale is None:
        return solve_with(PlainStack)
    if math.isinf(network.depth):
        return settled_depth.settle(solve_with, depth_tolerance, grid)
    return solve_with(ResidualStack)


def matrices_of(network):
    """About how many two-time matrices the hidden layers of a network take."""
    if network.branch_scale is None:
        return 8 * network.depth
    if math.isinf(network.depth):
        return 20 * infinite_depth.usual_nodes(network)
    return 20 * network.depth


def trained_matrices(networks, trainings, K, decay):
    """W^0 .. W^L of networks of one shape, each with its initial scales and rates; K, decay [batch, n, n].

    At infinite depth W^0, the branches and the readout.
    """
    scales = [network.init_scales for network in networks]
    pairs = zip(networks, trainings, strict=True)
    factors = [training.rate_factors(network) for network, training in pairs]
    richness = np.array([network.richness for network in networks])

    def start(l, layer_time=0.0):
        sigma = np.array([layerwise.at(scale[l], layer_time) for scale in scales])
        return (sigma**2)[:, None, None]

    def kick(l, layer_time=0.0):
        r = np.array([layerwise.at(factor[l], layer_time) for factor in factors])
        return (richness * r)[:, None, None]

    still = all(training.keeps for training in trainings)
    matrices = [
        TrainedMatrix(K, decay, start(l), kick(l), keeps=still and bool((start(l) == 1).all()))
        for l in range(len(scales[0]))
    ]
    if math.isinf(networks[0].depth):
        matrices[1] = Branches(K, decay, partial(start, 1), partial(kick, 1), still)
    return matrices
