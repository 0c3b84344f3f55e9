"""Seeds and configurations that are trained together: how many, and the loop over their steps."""

from itertools import pairwise

import numpy as np
import torch

from lib.networks.draws import draw_weights
from lib.networks.fields import Lockstep
from lib.networks.trained_weights import history_length, rows_for

CACHE_BYTES = 2**25
"""On a CPU so many seeds are trained together as fit its caches, more or less."""

FREE_PART = 0.7
"""Part of a GPU's free memory that seeds trained together may take."""


def numbers(architecture, groups, inputs):
    """About how many numbers the weights, their histories and the samples of one seed are."""
    pairs, outputs = list(pairwise(architecture.sizes)), architecture.sizes[-1]
    weights = sum(below * above for below, above in pairs)
    fields = outputs * sum(below + above for below, above in pairs)
    total = weights + inputs.samples * (inputs.dim + outputs)
    for members, (length, foldable) in groups:
        total += len(members) * (length * fields + (weights if foldable else 0))
    return total


def batches(seeds, size, device):
    """Slices of seeds that are trained together: as many of `size` bytes as fit."""
    room = CACHE_BYTES
    if device.type == "cuda":
        room = FREE_PART * torch.cuda.mem_get_info(device)[0]
    count = max(1, int(room / size))
    return [slice(i, i + count) for i in range(0, seeds, count)]


def train(
    networks,
    factors,
    memories,
    groups,
    architecture,
    inputs,
    seeds,
    kept,
    losses,
    errors,
    finished,
    bar,
):
    """Train all configurations of some seeds together.

    Fills losses [2, seeds, K, C, T + 1], errors of the weights [seeds, K, kept, C, D] and how many steps
    were finished [seeds]. Nothing is copied from the device before the last step, or an interrupt.
    """
    pairs = [seed if isinstance(seed, tuple) else (seed, seed) for seed in seeds]
    of_weights, of_data = map(list, zip(*pairs, strict=True))
    steps = len(memories[0].times)
    sampling = inputs.sampling(of_data, steps)
    initial = draw_weights(of_weights, architecture.sizes, inputs.eigenvalues)
    lockstep = [
        Lockstep(
            members,
            [networks[k] for k in members],
            [factors[k] for k in members],
            [memories[k] for k in members],
            history,
            architecture,
            inputs,
            initial,
        )
        for members, history in groups
    ]
    done, errors_on_device = 0, []
    try:
        for t in range(steps):
            sampling.draw(t)
            for group in lockstep:
                group.step(t, sampling)
                for i in np.flatnonzero(np.equal(kept, t)):
                    errors_on_device.append((i, group.members, group.weight_error()))
            done = t + 1
            bar.update(len(seeds))
    finally:
        finished[:] = done
        for group in lockstep:
            of_members = group.losses[:done].cpu().numpy()
            losses[:, :, group.members, :, :done] = np.moveaxis(of_members, 0, -1)
        for i, members, error in errors_on_device:
            errors[:, members, i] = error.cpu().numpy()


def groups_of(memories, architecture):
    """Indices of the configurations that are computed together, few enough, and their history length."""
    _, room = rows_for(architecture.sizes[-1])
    by_history = {}
    for k, memory in enumerate(memories):
        by_history.setdefault(history_length(architecture.sizes, memory), []).append(k)
    return [
        (same[i : i + room], history)
        for history, same in by_history.items()
        for i in range(0, len(same), room)
    ]
