r"""The fields of finite networks, step by step.

With $v = \beta^* - \beta(t)$ the error of the end-to-end weights and u the error signal that the data
make of it (equation {eq}`model-fields` of the book), a step is one pass down and one up,

$$ g^L = w, \quad g^l = W^{l\top} g^{l+1}/\sqrt{N_l}, \quad
   v = \beta^* - \frac{W^{0\top} g^1}{\gamma_0 \nu_L \sqrt D}, \quad
   h^1 = W^0 u/\sqrt D, \quad h^{l+1} = W^l h^l/\sqrt{N_l} , $$

and the gradient of $W^l$ is $g^{l+1} h^{l\top}$. With several outputs each has its own v, u, h and g, where
$g^L_c = w_c$, and the gradient is the sum over them (equation {eq}`outputs-update`). In a residual network the layers 2..L are branches,
$h^{l+1} = h^l + \beta W^l h^l/\sqrt N$ and $g^l = g^{l+1} + \beta W^{l\top} g^{l+1}/\sqrt N$.
"""

import math

import torch

from lib.networks.draws import padded
from lib.networks.trained_weights import Weights, repeated, rows_for


class Architecture:
    """Layer sizes and scales of a network of finite size.

    Attributes
    ----------
    sizes : list of L + 2 ints
        D, N_1, .., N_L, C.
    scales : list of L + 1 floats
        The factor in front of each weight matrix.
    streams : list of L + 1 bools
        Whether a layer's output is added to its input.
    """

    def __init__(self, network, inputs):
        if math.isinf(network.depth):
            raise ValueError("depth is infinite: networks need a finite number of layers.")
        hidden = [inputs.count(width, "width") for width in network.widths]
        self.sizes = [inputs.dim, *hidden, network.outputs]
        residual = network.branch_scale is not None
        branch = network.branch_scale / math.sqrt(network.depth) if residual else 1.0
        inner = [branch / math.sqrt(size) for size in hidden[:-1]]
        self.scales = [inputs.scale, *inner, 1.0]
        self.streams = [False, *(residual for _ in inner), False]
        self.last_width = hidden[-1] * inputs.scale**2


class Lockstep:
    """Configurations trained side by side, a row for each output of each of them; the first axis is seeds.

    Attributes
    ----------
    losses : [T + 1, 2, seeds, members, C]
        Excess and training loss of every step that has been made, on the device.
    """

    def __init__(
        self, members, networks, factors, memories, history, architecture, inputs, initial
    ):
        self.members, self.inputs, self.architecture = members, inputs, architecture
        self.last_step = len(memories[0].times) - 1
        self.outputs = architecture.sizes[-1]
        rows, _ = rows_for(self.outputs)
        self.weights = Weights(
            initial,
            architecture.scales,
            [network.richness for network in networks],
            [network.init_scales for network in networks],
            factors,
            memories,
            history,
            self.outputs,
        )
        like = inputs.target
        self.readout, self.centered = like.new_zeros(2, rows, 1)
        for i, network in enumerate(networks):
            own = slice(i * self.outputs, (i + 1) * self.outputs)
            self.readout[own] = 1 / (network.richness * architecture.last_width)
            self.centered[own] = network.centered
        own_output = torch.eye(
            self.outputs, padded(self.outputs), dtype=like.dtype, device=like.device
        )
        seeds = len(initial[0].matrix)
        self.top = repeated(own_output, rows).expand(seeds, -1, -1)
        self.target = repeated(inputs.target, rows)
        self.losses = like.new_empty(self.last_step + 1, 2, seeds, len(members), self.outputs)

    def step(self, t, sampling):
        """Losses of step t, (excess, train) [2, seeds, members, C]; then the weights move on."""
        self.weights.advance(t)
        if t == 0:
            self.first = self._start()
            self.origin = self.target - (1 - self.centered) * self.readout * self.first[0]
        g, change = self._backward()
        v = self.v = torch.addcmul(self.origin, self.readout, change, value=-1)
        u, train = sampling.signal(v)
        if t < self.last_step:
            self.weights.record(self._forward(u), g)
        losses = self.losses[t]
        losses[0], losses[1] = self._used(sampling.excess(v, train)), self._used(train)
        return losses

    def _used(self, rows):
        """[.., rows] as [.., members, C]."""
        used = rows[..., : len(self.members) * self.outputs]
        return used.unflatten(-1, (len(self.members), self.outputs))

    def weight_error(self):
        """sqrt(lambda_i / D) v_i of the last step, [.., members, C, D]: its square sums to the excess loss."""
        weighted = self.inputs.scale * self.inputs.eigenvalues.sqrt() * self.v
        return self._used(weighted[..., : self.inputs.dim].transpose(-1, -2)).movedim(-3, -1)

    def _start(self):
        """g^0 .. g^{L+1} of step 0, each [seeds, rows, N_l]."""
        g = [self.top]
        for layer, stream in reversed(list(enumerate(self.architecture.streams))):
            below = self.weights.start(layer, g[0])
            g.insert(0, below + g[0] if stream else below)
        return g

    def _backward(self):
        """g^1 .. g^{L+1}, and what g^0 has changed by since step 0."""
        g, change = [self.top], None
        for layer, stream in reversed(list(enumerate(self.architecture.streams))):
            below = self.weights.backward(layer, g[0], change)
            change = below + change if stream else below
            if layer:
                g.insert(0, self.first[layer] + change)
        return g, change

    def _forward(self, u):
        """h^0 .. h^L, each [seeds, rows, N_l]."""
        h = [u]
        for layer, stream in enumerate(self.architecture.streams[:-1]):
            above = self.weights.forward(layer, h[-1])
            h.append(above + h[-1] if stream else above)
        return h
