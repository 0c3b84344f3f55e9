r"""Trained weights, applied without being formed.

Every gradient is an outer product, so layer l of one configuration is

$$ W(t) = d(t)\, \sigma W(0) + c\,\gamma_0 r \sum_{s<t} K(t,s)\, g(s)\, h(s)^\top , $$

applied as c W(t), with c the scale of the layer ($1/\sqrt{N_l}$; $h = h^l$, $g = g^{l+1}$), sigma its initial
scale and r its rate factor. A product with W(t) is one with W(0), shared by all configurations, and two
with the history of h and g. With several outputs each has its h and g, and the sum runs over outputs too.

What is passed back is the change of a field since step 0, $\delta g(t) = g(t) - g(0)$, where

$$ W(t)^\top g(t) - W(0)^\top g(0) = d\, W(0)^\top \delta g(t) + (d - 1)\, W(0)^\top g(0) + (W(t) - d\, W(0))^\top g(t) $$

so that a centred network of small richness does not lose it as the difference of two large numbers.

Fields are kept as rows [.., rows, size], one for each output of each configuration, the outputs of a
configuration next to each other. Leading axes are seeds: each has its own W(0), of shape [.., N', N].

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
    """What all configurations share, [.., C, size], in every one of the `rows`."""
    which = torch.arange(rows, device=by_output.device) % by_output.shape[-2]
    return by_output[..., which, :]


def transposed(matrix):
    return matrix.transpose(-1, -2)


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

    All that depends on time but not on the run (K, d) is on the device before the first step, and no step
    copies anything from or to the host.

    Parameters
    ----------
    initial : list of L + 1 tensors [.., N_{l+1}, N_l]
        W(0), shared by the configurations of a seed.
    scales : list of L + 1 floats
        c of each layer.
    richness : list of floats
        gamma_0 of each configuration.
    init_scales, rate_factors : lists of L + 1 floats per configuration
        sigma and r of each layer.
    memories : list of `lib.problem.training.Memory`
        The optimizer of each configuration.
    history : (int, int)
        From `history_length`, the same for all configurations.
    outputs : int
        C.
    """

    def __init__(
        self, initial, scales, richness, init_scales, rate_factors, memories, history, outputs
    ):
        like, self.configurations = initial[0], len(memories)
        self.scales, self.outputs, self.used = scales, outputs, outputs * len(memories)
        self.rows, _ = rows_for(outputs)
        self.length, self.foldable = history
        self.shared, self.own, self.passed = initial, None, [None] * len(initial)

        def on_device(values):
            return torch.from_numpy(np.ascontiguousarray(values, float)).to(like)

        kicks = [gamma * memory.K for memory, gamma in zip(memories, richness, strict=True)]
        # [configurations, T + 1, T + 1], columns once for each output
        self.all_kicks = on_device(np.repeat(kicks, outputs, axis=2))
        self.factors = on_device(np.transpose(rate_factors))[:, :, None, None]
        self.left = on_device(np.transpose([memory.decay for memory in memories]))
        self.shrunk_by = on_device(np.transpose([memory.decay - 1 for memory in memories]))
        self.starts = self._columns(on_device(np.transpose(init_scales)))
        self.base = torch.ones_like(self.left[0])
        # Sizes are padded (`lib.networks.draws`), so that every configuration's history is equally aligned and
        # a batched product rounds each of them the same, whatever their number.
        self.h, self.g = (
            [
                W.new_empty(*W.shape[:-2], len(memories), self.length * outputs, W.shape[side])
                for W in initial
            ]
            for side in (-1, -2)
        )
        self.first = self.count = 0

    def advance(self, t):
        """From now on `forward` and `backward` mean W(t); steps 0 .. t-1 have been recorded."""
        self._set_time(t)
        if self.foldable and self.count == self.length:
            self._fold()
            self.base = self.left[t]
            self._set_time(t)

    def _set_time(self, t):
        here = slice(self.first * self.outputs, (self.first + self.count) * self.outputs)
        self.decay = self.starts * self._columns(self.left[t])
        self.shrunk = self._columns(self.shrunk_by[t])
        since = torch.where(self.base > 0, self.left[t] / self.base, 0)
        self.own_decay = since[:, None, None]
        self.kicks = self.factors * self.all_kicks[:, None, t, here]
        stop = self.count * self.outputs
        self.past_h, self.past_g = (
            [field[..., :stop, :] for field in kept] for kept in (self.h, self.g)
        )

    def _columns(self, by_configuration):
        """Numbers [.., configurations] as columns [.., rows, 1]."""
        column = by_configuration.new_zeros(*by_configuration.shape[:-1], self.rows, 1)
        column[..., : self.used, 0] = by_configuration.repeat_interleave(self.outputs, -1)
        return column

    def forward(self, layer, x):
        """c W^l(t) x, row by row of x [.., rows, size]."""
        image = self.scales[layer] * self.decay[layer] * (x @ transposed(self.shared[layer]))
        return self._add_learned(image, layer, x, up=True)

    def adjoint(self, layer, y):
        """c W^l(t)^T y, row by row of any y [.., rows, size]."""
        image = self.scales[layer] * self.decay[layer] * (y @ self.shared[layer])
        return self._add_learned(image, layer, y, up=False)

    def start(self, layer, y):
        """c W^l(0)^T y for the field y(0) of step 0, which `backward` refers to."""
        self.passed[layer] = self.scales[layer] * self.starts[layer] * (y @ self.shared[layer])
        return self.passed[layer]

    def backward(self, layer, y, change):
        """c W^l(t)^T y less the same at step 0, row by row of y [.., rows, size] and of its change since."""
        image = self.scales[layer] * self.decay[layer] * (change @ self.shared[layer])
        image += self.shrunk * self.passed[layer]
        return self._add_learned(image, layer, y, up=False)

    def _add_learned(self, image, layer, x, *, up):
        """Add what the weights have learned to `image`: what was folded, and the history.

        Upwards the history gives c^2 sum_s kick(s) g(s) (h(s) . x), row by row; downwards h and g, and the
        sides of what was folded, change places.
        """
        scale, x = self.scales[layer], self._by_configuration(x)
        if self.count:
            met, left = (self.past_h, self.past_g) if up else (self.past_g, self.past_h)
            kicked = (x @ transposed(met[layer])) * self.kicks[layer]
            self._by_configuration(image).add_(kicked @ left[layer], alpha=scale**2)
        if self.own is not None:
            own = transposed(self.own[layer]) if up else self.own[layer]
            self._by_configuration(image).add_(self.own_decay * (x @ own), alpha=scale)
        return image

    def _by_configuration(self, field):
        """The used rows of `field`, [.., configurations, C, size]."""
        return field[..., : self.used, :].unflatten(-2, (self.configurations, self.outputs))

    def record(self, h, g):
        """Store the fields of the current step: h^0 .. h^L and g^1 .. g^{L+1}, rows as in `forward`."""
        step = slice(self.count * self.outputs, (self.count + 1) * self.outputs)
        for kept, fields in ((self.h, h), (self.g, g)):
            for layer, field in zip(kept, fields, strict=True):
                layer[..., step, :] = self._by_configuration(field)
        self.count += 1

    def _fold(self):
        """Absorb the oldest steps into a matrix for each configuration, at the current time."""
        end, stop = self.foldable * self.outputs, self.count * self.outputs
        if self.own is None:
            self.own = [
                W.new_zeros(*W.shape[:-2], self.configurations, *W.shape[-2:]) for W in self.shared
            ]
        for layer, scale in enumerate(self.scales):
            h, g = self.h[layer], self.g[layer]
            kicked = transposed(self.kicks[layer][..., :end]) * g[..., :end, :]
            self.own[layer].mul_(self.own_decay)
            self.own[layer].add_(transposed(kicked) @ h[..., :end, :], alpha=scale)
            for field in (h, g):
                field[..., : stop - end, :] = field[..., end:stop, :].clone()
        self.first += self.foldable
        self.count -= self.foldable
