r"""Trained weights, applied without being formed.

Every gradient is an outer product, so layer l of one configuration is

$$ W(t) = d(t)\, \sigma W(0) + c\,\gamma_0 r \sum_{s<t} K(t,s)\, g(s)\, h(s)^\top , $$

applied as c W(t), with c the scale of the layer ($1/\sqrt{N_l}$; $h = h^l$, $g = g^{l+1}$), sigma its initial
scale and r its rate factor. A product with W(t) is one with W(0), shared by all configurations, and two
with the history of h and g. With several outputs each has its h and g, and the sum runs over outputs too.

What is passed back is the change of a field since step 0, $\delta g(t) = g(t) - g(0)$, where

$$ W(t)^\top g(t) - W(0)^\top g(0) = d\, W(0)^\top \delta g(t) + (d - 1)\, W(0)^\top g(0) + (W(t) - d\, W(0))^\top g(t) $$

so that a centred network of small richness does not lose it as the difference of two large numbers.

Fields are kept as rows [rows, size], one for each output of each configuration, the outputs of a
configuration next to each other.

Once momentum has been forgotten, weight decay shrinks an old gradient exactly as it shrinks W(0):
K(t,s)/d(t) no longer changes. When so many such steps have gathered that they hold as many numbers as
the matrices themselves, they are folded into one matrix for each configuration, which shrinks as they
do. Hence time and memory per step grow up to about N/2 steps (equal widths N) and then stay.
"""

from itertools import pairwise

import numpy as np
import torch

LOCKSTEP = 8
"""Rows computed together: every product with W(0) has this many, used or not (more for more outputs)."""

SETTLED = 1e-14
"""A column of K follows d(t) when it does so to this relative accuracy in every later step."""


def rows_for(outputs):
    """Rows of every field, and how many configurations have room in them."""
    rows = max(LOCKSTEP, outputs)
    return rows, rows // outputs


def repeated(by_output, rows):
    """What all configurations share, [C, size], in every one of the `rows`."""
    which = torch.arange(rows, device=by_output.device) % len(by_output)
    return by_output[which]


def _shrinkage(later, earlier):
    """The factor between two values of d(t); nothing is left of what has decayed to zero."""
    return later / earlier if earlier else 0.0


def memory_length(memory):
    """Steps after which every column of K is proportional to d(t), rounded up to a power of two.

    Rounded, so that the learning rates of a sweep, whose lengths differ a little, share it.
    """
    K, decay = memory.K, memory.decay
    scale = SETTLED * np.abs(K).max(axis=0)
    steps = np.arange(len(K))
    last_change = steps + 1
    for t in steps[:-1]:
        changed = np.abs(K[t + 1] - K[t] * _shrinkage(decay[t + 1], decay[t])) > scale
        last_change[changed] = t + 1
    length = int((last_change - steps).max())
    return 1 << (length - 1).bit_length()


def history_length(sizes, memory):
    """Past steps to keep, and how many of them can be folded when that many have gathered."""
    pairs, outputs = list(pairwise(sizes)), sizes[-1]
    steps = len(memory.K) - 1
    foldable = -(-sum(a * b for a, b in pairs) // sum(outputs * (a + b) for a, b in pairs))
    if foldable >= steps:
        return steps, 0
    length = foldable + memory_length(memory) - 1
    return (length, foldable) if length < steps else (steps, 0)


class Weights:
    """W^0 .. W^L of as many configurations as have room (`rows_for`), with one history length.

    Parameters
    ----------
    initial : list of L + 1 tensors [N_{l+1}, N_l]
        W(0), shared.
    scales : list of L + 1 floats
        c of each layer.
    richness : list of floats
        gamma_0 of each configuration.
    init_scales, rate_factors : lists of L + 1 floats per configuration
        sigma and r of each layer.
    memories : list of `lib.training.Memory`
        The optimizer of each configuration.
    history : (int, int)
        From `history_length`, the same for all configurations.
    outputs : int
        C.
    """

    def __init__(
        self, initial, scales, richness, init_scales, rate_factors, memories, history, outputs
    ):
        self.scales, self.richness, self.memories = scales, richness, memories
        self.outputs, self.used = outputs, outputs * len(memories)
        self.rows, _ = rows_for(outputs)
        self.length, self.foldable = history
        self.shared, self.own, self.passed = initial, None, [None] * len(initial)
        self.base_decay = [1.0] * len(memories)
        # [layers, configurations] each.
        self.starts, self.factors = np.transpose(init_scales), np.transpose(rate_factors)
        # Sizes are padded (`lib.networks.draws`), so that every configuration's history is equally aligned and
        # a batched product rounds each of them the same, whatever their number.
        self.h, self.g = (
            [W.new_empty(len(memories), self.length * outputs, W.shape[side]) for W in initial]
            for side in (1, 0)
        )
        self.first = self.count = 0

    def advance(self, t):
        """From now on `forward` and `backward` mean W(t); steps 0 .. t-1 have been recorded."""
        self._set_time(t)
        if self.foldable and self.count == self.length:
            self._fold()
            self.base_decay = [memory.decay[t] for memory in self.memories]
            self._set_time(t)

    def _set_time(self, t):
        like, past = self.shared[0], slice(self.first, self.first + self.count)
        left = np.array([memory.decay[t] for memory in self.memories])
        self.decay = [self._column(starts * left) for starts in self.starts]
        self.shrunk = self._column(left - 1)
        pairs = zip(left, self.base_decay, strict=True)
        self.own_decay = self._column([_shrinkage(*pair) for pair in pairs])
        kicks = [
            richness * np.repeat(memory.K[t, past], self.outputs)
            for memory, richness in zip(self.memories, self.richness, strict=True)
        ]
        by_layer = self.factors[:, :, None] * np.array(kicks)
        self.kicks = torch.from_numpy(by_layer).to(like)[:, :, None]
        self.past_h, self.past_g = (
            [field[:, : self.count * self.outputs] for field in kept] for kept in (self.h, self.g)
        )

    def _column(self, by_configuration):
        """One number for each configuration as a column [rows, 1]."""
        column = self.shared[0].new_zeros(self.rows, 1)
        repeated = np.repeat(by_configuration, self.outputs)
        column[: self.used, 0] = torch.from_numpy(repeated).to(column)
        return column

    def forward(self, layer, x):
        """c W^l(t) x, row by row of x [rows, size]."""
        image = self.scales[layer] * self.decay[layer] * (x @ self.shared[layer].T)
        return self._add_learned(image, layer, x, self.past_h, self.past_g, lambda W: W)

    def start(self, layer, y):
        """c W^l(0)^T y for the field y(0) of step 0, which `backward` refers to."""
        start = self.scales[layer] * self._column(self.starts[layer])
        self.passed[layer] = start * (y @ self.shared[layer])
        return self.passed[layer]

    def backward(self, layer, y, change):
        """c W^l(t)^T y less the same at step 0, row by row of y [rows, size] and of its change since."""
        scale = self.scales[layer]
        image = scale * self.decay[layer] * (change @ self.shared[layer])
        image += self.shrunk * self.passed[layer]
        return self._add_learned(image, layer, y, self.past_g, self.past_h, lambda W: W.T)

    def _add_learned(self, image, layer, x, met, left, side):
        """Add what the weights have learned to `image`: what was folded, and the history."""
        if self.own is not None:
            rows = [side(self.own[layer][i // self.outputs]) @ x[i] for i in range(self.used)]
            folded = self.scales[layer] * self.own_decay[: self.used] * torch.stack(rows)
            image[: self.used] += folded
        return self._add_history(image, x, met[layer], left[layer], layer)

    def _by_configuration(self, field):
        """The used rows of `field`, [configurations, C, size]."""
        return field[: self.used].view(len(self.memories), self.outputs, -1)

    def _add_history(self, image, x, met, left, layer):
        """Add c^2 sum_s kick(s) left(s) (met(s) . x) to `image`, row by row."""
        if self.count:
            overlap = torch.bmm(self._by_configuration(x), met.transpose(1, 2))
            kicked = overlap.mul_(self.kicks[layer])
            self._by_configuration(image).baddbmm_(kicked, left, alpha=self.scales[layer] ** 2)
        return image

    def record(self, h, g):
        """Store the fields of the current step: h^0 .. h^L and g^1 .. g^{L+1}, rows as in `forward`."""
        step = slice(self.count * self.outputs, (self.count + 1) * self.outputs)
        for kept, fields in ((self.h, h), (self.g, g)):
            for layer, field in zip(kept, fields, strict=True):
                layer[:, step] = self._by_configuration(field)
        self.count += 1

    def _fold(self):
        """Absorb the oldest steps into a matrix for each configuration, at the current time."""
        end, stop = self.foldable * self.outputs, self.count * self.outputs
        old, rest = slice(0, end), slice(end, stop)
        if self.own is None:
            self.own = [[torch.zeros_like(W) for _ in self.memories] for W in self.shared]
        for layer, scale in enumerate(self.scales):
            for i, kick in enumerate(self.kicks[layer, :, 0]):
                h, g = self.h[layer][i], self.g[layer][i]
                self.own[layer][i] = torch.addmm(
                    self.own[layer][i],
                    (kick[old, None] * g[old]).T,
                    h[old],
                    beta=self.own_decay[i * self.outputs].item(),
                    alpha=scale,
                )
                for field in (h, g):
                    field[: stop - end] = field[rest].clone()
        self.first += self.foldable
        self.count -= self.foldable
