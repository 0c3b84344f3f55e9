r"""The fields of finite networks, step by step.

With $v = \beta^* - \beta(t)$ the error of the end-to-end weights and u the error signal that the data
make of it (equation {eq}`model-fields` of the book), a step is one pass down and one up,

$$ g^L = w, \quad g^l = W^{l\top} g^{l+1}/\sqrt{N_l}, \quad
   v = \beta^* - \frac{W^{0\top} g^1}{\gamma_0 \nu_L \sqrt D}, \quad
   h^1 = W^0 u/\sqrt D, \quad h^{l+1} = W^l h^l/\sqrt{N_l} , $$

and the gradient of $W^l$ is $g^{l+1} h^{l\top}$. In a residual network the layers 2..L are branches,
$h^{l+1} = h^l + \beta W^l h^l/\sqrt N$ and $g^l = g^{l+1} + \beta W^{l\top} g^{l+1}/\sqrt N$.
"""

import math

import torch

from lib.draws import padded
from lib.weights import LOCKSTEP, Weights, history_length


class Architecture:
    """Layer sizes and scales of a network of finite size.

    Attributes
    ----------
    sizes : list of L + 2 ints
        D, N_1, .., N_L, 1.
    scales : list of L + 1 floats
        The factor in front of each weight matrix.
    streams : list of L + 1 bools
        Whether a layer's output is added to its input.
    """

    def __init__(self, network, inputs):
        if math.isinf(network.depth):
            raise ValueError("depth is infinite: networks need a finite number of layers.")
        hidden = [inputs.count(width, "width") for width in network.widths]
        self.sizes = [inputs.dim, *hidden, 1]
        residual = network.branch_scale is not None
        branch = network.branch_scale / math.sqrt(network.depth) if residual else 1.0
        inner = [branch / math.sqrt(size) for size in hidden[:-1]]
        self.scales = [inputs.scale, *inner, 1.0]
        self.streams = [False, *(residual for _ in inner), False]
        self.last_width = hidden[-1] * inputs.scale**2


class Lockstep:
    """Up to `LOCKSTEP` configurations of one seed, a row each, trained side by side."""

    def __init__(self, members, networks, memories, architecture, inputs, initial):
        self.members, self.inputs, self.architecture = members, inputs, architecture
        self.last_step = len(memories[0].times) - 1
        self.weights = Weights(
            initial,
            architecture.scales,
            [network.richness for network in networks],
            memories,
            history_length(architecture.sizes, memories[0]),
        )
        like = inputs.target
        self.readout, self.centered = like.new_zeros(2, LOCKSTEP, 1)
        for i, network in enumerate(networks):
            self.readout[i] = 1 / (network.richness * architecture.last_width)
            self.centered[i] = network.centered
        self.top = like.new_zeros(LOCKSTEP, padded(1))
        self.top[:, 0] = 1

    def step(self, t, sampling):
        """Losses of step t, (excess, train) [members] each; then the weights move on."""
        self.weights.advance(t)
        g = self._backward()
        end_to_end = g[0] * self.readout
        if t == 0:
            self.origin = end_to_end * self.centered
        v = self.v = self.inputs.target - end_to_end + self.origin
        u, train = sampling.signal(v)
        if t < self.last_step:
            self.weights.record(self._forward(u), g[1:])
        losses = torch.stack([sampling.excess(v, train), train])
        return losses[:, : len(self.members)].cpu().numpy()

    def weight_error(self):
        """sqrt(lambda_i / D) v_i of the last step, [members, D]: its square sums to the excess loss."""
        weighted = self.inputs.scale * self.inputs.eigenvalues.sqrt() * self.v
        return weighted[: len(self.members), : self.inputs.dim].cpu().numpy()

    def _backward(self):
        """g^0 .. g^{L+1}, each [LOCKSTEP, N_l]."""
        g = [self.top]
        for layer, stream in reversed(list(enumerate(self.architecture.streams))):
            below = self.weights.backward(layer, g[0])
            g.insert(0, below + g[0] if stream else below)
        return g

    def _forward(self, u):
        """h^0 .. h^L, each [LOCKSTEP, N_l]."""
        h = [u]
        for layer, stream in enumerate(self.architecture.streams[:-1]):
            above = self.weights.forward(layer, h[-1])
            h.append(above + h[-1] if stream else above)
        return h
