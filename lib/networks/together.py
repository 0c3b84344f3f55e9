"""Seeds and configurations that are trained together: how many, and the loop over their steps."""

from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from itertools import pairwise

import numpy as np
import torch

from lib import checks
from lib.networks.draws import draw_weights
from lib.networks.fields import Lockstep
from lib.networks.thin_products import Thin, copies
from lib.networks.trained_weights import history_length, rows_for

CACHE_BYTES = 2**23
"""On a CPU so many seeds are trained together as fit a core's share of its caches, more or less."""

THREAD_BYTES = 2**21
"""What a thread must have to train at least: with less, threads wait for each other in Python."""

FREE_PART = 0.7
"""Part of a GPU's free memory that seeds trained together may take."""


def numbers(architecture, groups, inputs, steps, kept):
    """About how many numbers a run holds: (for each seed, for all of them together).

    Of each seed its weights, their histories, samples, and results of `steps` and of `kept` ones.
    """
    pairs, outputs = list(pairwise(architecture.sizes)), architecture.sizes[-1]
    weights = sum(below * above for below, above in pairs)
    fields = outputs * sum(below + above for below, above in pairs)
    held = copies(inputs.eigenvalues.device)
    of_seed, common = held * (weights + inputs.samples * (inputs.dim + outputs)), 0
    for members, (length, foldable) in groups:
        of_seed += len(members) * (length * fields + (weights if foldable else 0))
        of_seed += len(members) * outputs * (2 * steps + kept * inputs.dim)
        common += len(members) * outputs * length * steps
    if inputs.dataset is not None:
        common += sum(given.numel() for given in inputs.given)
    return of_seed, common


def batches(seeds, of_seed, common, device):
    """Slices of seeds that are trained together, how many workers share the slices, and threads of each.

    As many seeds as fit, of `of_seed` bytes and `common` ones. On a CPU what fits its caches; what all
    seeds share is read a row at a time and does not count there. Its threads train seeds of their own:
    products with so few rows are too short to be divided, unless there is one large network.
    """
    workers = threads = 1
    advice = "use a smaller dim, fewer samples, or fewer configurations"
    if device.type != "cuda":
        checks.memory("training one seed", of_seed + common, advice)
        room = CACHE_BYTES
        busy = seeds * of_seed / THREAD_BYTES
        fitting = checks.USABLE * checks.available() / (of_seed + common)
        workers = max(1, int(min(torch.get_num_threads(), seeds, busy, fitting)))
        threads = torch.get_num_threads() if workers == 1 and busy >= 2 else 1
    else:
        room = FREE_PART * _free(device) - common
        if room < of_seed:
            raise ValueError(
                f"training one seed would take about {(of_seed + common) / 1e9:.2g} GB of the memory of "
                f"'{device}', of which {(room + common) / 1e9:.2g} GB are left: {advice}."
            )
    count = max(1, min(int(room / of_seed), -(-seeds // workers)))
    return [slice(i, i + count) for i in range(0, seeds, count)], workers, threads


def _free(device):
    """Bytes of a GPU that this process can still get; torch keeps what earlier calls have used."""
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + kept


def side_by_side(function, pieces, workers, threads, stop):
    """`function` of every piece, by as many workers at a time, each with its threads of torch.

    `stop` is an event; it is set when one of them fails, or at an interrupt.
    """
    before = torch.get_num_threads()
    try:
        if workers == 1:
            torch.set_num_threads(threads)
            for piece in pieces:
                function(piece)
            return
        with ThreadPoolExecutor(workers, None, torch.set_num_threads, (threads,)) as pool:
            try:
                waiting = [pool.submit(function, piece) for piece in pieces]
                while waiting:  # looks up now and then, so that an interrupt is seen
                    done, waiting = wait(waiting, 0.05, FIRST_EXCEPTION)
                    for future in done:
                        future.result()
            except BaseException:
                stop.set()
                pool.shutdown(cancel_futures=True)
                raise
    finally:
        torch.set_num_threads(before)


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
    stop,
):
    """Train all configurations of some seeds together.

    Fills losses [2, seeds, K, C, T + 1], errors of the weights [seeds, K, kept, C, D] and how many steps
    were finished [seeds]. Nothing is copied from the device before the last step, or an interrupt, which
    may reach another thread and set `stop`.
    """
    pairs = [seed if isinstance(seed, tuple) else (seed, seed) for seed in seeds]
    of_weights, of_data = map(list, zip(*pairs, strict=True))
    steps = len(memories[0].times)
    sampling = inputs.sampling(of_data, steps)
    drawn = draw_weights(of_weights, architecture.sizes, inputs.eigenvalues)
    initial = [Thin(W) for W in drawn]
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
            if stop.is_set():
                break
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
