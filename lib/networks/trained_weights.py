r"""Trained weights, applied without being formed.

Every gradient is an outer product, so layer l of one configuration is

$$ W(t) = d(t)\, \sigma W(0) + c\,\gamma_0 r \sum_{s<t} K(t,s)\, g(s)\, h(s)^\top , $$

applied as c W(t), with c the scale of the layer ($1/\sqrt{N_l}$; $h = h^l$, $g = g^{l+1}$), sigma its initial
scale and r its rate factor. A product with W(t) is one with W(0), shared by all configurations, and two
with the history of h and g. With several outputs each has its h and g, and the sum runs over outputs too.

What is passed back is the change of a field since step 0, $\delta g(t) = g(t) - g(0)$, where

$$ W(t)^\top g(t) - W(0)^\top g(0) = d\, W(0)^\top \delta g(t) + (d - 1)\, W(0)^\top g(0) + (W(t) - d\, W(0))^\top g(t) $$

so that a centered network of small richness does not lose it as the difference of two large numbers.

Fields are kept as rows [seeds, rows, size], one for each output of each configuration, the outputs of a
configuration next to each other. Each seed has its own W(0): those of a layer are [seeds, N', N].

Once momentum has been forgotten, weight decay shrinks an old gradient exactly as it shrinks W(0):
K(t,s)/d(t) no longer changes. When so many such steps have gathered that they hold as many numbers as
the matrices themselves, they are folded into one matrix for each configuration, which shrinks as they
do. Hence time and memory per step grow up to about N/2 steps (equal widths N) and then stay.

Which steps are history when, and every factor that depends on the step, is known before the first one.
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
    if by_output.shape[-2] == 1:
        return by_output.expand(*by_output.shape[:-2], rows, -1)
    which = torch.arange(rows, device=by_output.device) % by_output.shape[-2]
    return by_output[..., which, :]


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


class Schedule:
    """Which steps are history at every step, and their K: known before a run starts, on the host.

    Attributes
    ----------
    counts : [T + 1] ints
        Past steps that are kept at step t, those just before it.
    since : [T + 1, configurations]
        d(t) over d at the last fold: what is left of the folded matrices.
    kicks : [T + 1, configurations, length]
        gamma_0 K(t, s) for the steps s that are kept.
    folded : {t: [configurations, foldable]}
        gamma_0 K(t, s) for the steps that are folded at the beginning of step t.
    faded : {t: [configurations]}
        d(t) over d at the fold before.
    """

    def __init__(self, memories, richness, history):
        length, foldable = history
        decay = np.stack([memory.decay for memory in memories], axis=1)
        K = [gamma * memory.K for memory, gamma in zip(memories, richness, strict=True)]
        self.counts = np.empty(len(decay), int)
        self.since = np.empty_like(decay)
        self.kicks = np.zeros((*decay.shape, length))
        self.folded, self.faded = {}, {}
        first, base = 0, 0

        def left(t):
            return [_shrinkage(*pair) for pair in zip(decay[t], decay[base], strict=True)]

        for t in range(len(decay)):
            if foldable and t - first == length:
                self.folded[t] = np.stack([k[t, first : first + foldable] for k in K])
                self.faded[t] = np.array(left(t))
                first, base = first + foldable, t
            self.counts[t] = count = t - first
            self.kicks[t, :, :count] = [k[t, first:t] for k in K]
            self.since[t] = left(t)


class Weights:
    """W^0 .. W^L of as many configurations as have room (`rows_for`), with one history length.

    All that depends on time but not on the run (K, d) is on the device before the first step, and no step
    copies anything from or to the host. Products write into buffers that the next step uses again.

    Parameters
    ----------
    initial : list of L + 1 `Thin` matrices [seeds, N_{l+1}, N_l]
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
        matrices = [thin.matrix for thin in initial]
        like, self.shared, self.outputs = matrices[0], initial, outputs
        self.shape = len(like), len(memories), outputs
        self.used, (self.rows, _) = outputs * len(memories), rows_for(outputs)
        self.networks = len(like) * len(memories)
        schedule = Schedule(memories, richness, history)
        self.counts = schedule.counts.tolist()

        def on_device(values):
            return torch.from_numpy(np.ascontiguousarray(values, float)).to(like)

        def columns(values):
            """Numbers [.., configurations] as columns [.., used rows, 1]."""
            return on_device(np.repeat(values, outputs, axis=-1)[..., None])

        def of_past(values):
            """Numbers [.., configurations, steps] as rows that meet the history, once for each output."""
            rows = on_device(values[..., None, :])
            return rows if outputs == 1 else rows.repeat_interleave(outputs, -1)

        c = np.array(scales)[:, None]
        decay = np.stack([memory.decay for memory in memories], axis=1)
        self.all_decays = columns(c * np.transpose(init_scales) * decay[:, None])
        self.all_shrunk = columns(decay - 1) if (decay != 1).any() else None
        self.all_since = on_device(schedule.since[..., None, None]) if schedule.folded else None
        self.factors = on_device((c**2 * np.transpose(rate_factors))[..., None, None])
        self.all_kicks = of_past(schedule.kicks)
        self.folded = {
            t: (of_past(kicks), on_device(schedule.faded[t][:, None, None]))
            for t, kicks in schedule.folded.items()
        }
        self.own, self.passed = None, [None] * len(matrices)
        # Sizes are padded (`lib.networks.draws`), so that every configuration's history is equally aligned and
        # a batched product rounds each of them the same, whatever their number.
        steps = history[0] * outputs
        self.h, self.g = (
            [W.new_empty(self.networks, steps, W.shape[side]) for W in matrices]
            for side in (-1, -2)
        )
        self.above, self.below = (
            [W.new_zeros(len(W), self.rows, W.shape[side]) for W in matrices] for side in (-2, -1)
        )
        self.count = 0

    def advance(self, t):
        """From now on `forward` and `backward` mean W(t); steps 0 .. t-1 have been recorded."""
        if t in self.folded:
            self._fold(t)
        self.count = self.counts[t]
        self.decay = self.all_decays[t]
        self.shrunk = None if self.all_shrunk is None else self.all_shrunk[t]
        self.since = None if self.own is None else self.all_since[t]
        stop = self.count * self.outputs
        self.kicks = self.factors * self.all_kicks[t, ..., :stop]
        self.past_h, self.past_g = (
            [field[:, :stop] for field in kept] for kept in (self.h, self.g)
        )

    def forward(self, layer, x):
        """c W^l(t) x, row by row of x [seeds, rows, size]."""
        image = self.shared[layer].up(x)
        return self._trained(layer, image, self._learned(layer, x, up=True), self.above)

    def adjoint(self, layer, y):
        """c W^l(t)^T y, row by row of any y [seeds, rows, size]."""
        image = self.shared[layer].down(y)
        return self._trained(layer, image, self._learned(layer, y, up=False), self.below)

    def start(self, layer, y):
        """c W^l(0)^T y for the field y(0) of step 0, which `backward` refers to."""
        self.passed[layer] = self.adjoint(layer, y).clone()
        return self.passed[layer]

    def backward(self, layer, y, change):
        """c W^l(t)^T y less the same at step 0, row by row of y [seeds, rows, size] and of its change since.

        `change` is None for a field that does not change.
        """
        learned = self._learned(layer, y, up=False)
        if self.shrunk is not None:
            lost = self.shrunk * self.passed[layer][:, : self.used]
            learned = lost if learned is None else learned.add_(lost)
        image = None if change is None else self.shared[layer].down(change)
        return self._trained(layer, image, learned, self.below)

    def _trained(self, layer, image, learned, buffers):
        """What is left of `image`, which W(0) makes, and what was learned, in the buffer of the layer."""
        result = buffers[layer]
        of_networks = result[:, : self.used]
        if image is None:
            of_networks.copy_(learned) if learned is not None else of_networks.zero_()
            return result
        image = image[:, : self.used]
        if learned is None:
            torch.mul(image, self.decay[layer], out=of_networks)
        else:
            torch.addcmul(learned, image, self.decay[layer], out=of_networks)
        return result

    def _learned(self, layer, x, *, up):
        """What the weights have learned makes of x, [seeds, used rows, size]; None before the first step.

        Upwards the history gives c^2 sum_s kick(s) g(s) (h(s) . x), row by row; downwards h and g, and the
        sides of what was folded, change places.
        """
        if not self.count and self.own is None:
            return None
        x = self._by_configuration(x)
        met, left = (self.past_h, self.past_g) if up else (self.past_g, self.past_h)
        scores = torch.bmm(x, met[layer].mT)
        scores.view(*self.shape, -1).mul_(self.kicks[layer])
        learned = torch.bmm(scores, left[layer])
        if self.own is not None:
            own = self.own[layer].mT if up else self.own[layer]
            learned.baddbmm_((x.view(*self.shape, -1) * self.since).view(x.shape), own)
        return learned.view(self.shape[0], self.used, -1)

    def _by_configuration(self, field):
        """The used rows of `field` [seeds, rows, size], as [seeds * configurations, C, size]."""
        return field[:, : self.used].reshape(self.networks, self.outputs, -1)

    def record(self, h, g):
        """Store the fields of the current step: h^0 .. h^L and g^1 .. g^{L+1}, rows as in `forward`."""
        step = slice(self.count * self.outputs, (self.count + 1) * self.outputs)
        for kept, fields in ((self.h, h), (self.g, g)):
            for layer, field in zip(kept, fields, strict=True):
                layer[:, step] = self._by_configuration(field)

    def _fold(self, t):
        """Absorb the oldest steps into a matrix for each configuration, c times what they add to W(t)."""
        kicks, faded = self.folded[t]
        kicks, end = self.factors * kicks, kicks.shape[-1]
        if self.own is None:
            matrices = [thin.matrix for thin in self.shared]
            self.own = [W.new_zeros(self.networks, *W.shape[1:]) for W in matrices]
        for own, kick, h, g in zip(self.own, kicks, self.h, self.g, strict=True):
            own.unflatten(0, self.shape[:2]).mul_(faded)
            kicked = kick.mT * g[:, :end].unflatten(0, self.shape[:2])
            own.baddbmm_(kicked.flatten(0, 1).mT, h[:, :end])
            for field in (h, g):
                field[:, :-end] = field[:, end:].clone()
