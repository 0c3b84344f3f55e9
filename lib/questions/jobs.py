"""Work in independent pieces: in this process, on a cluster, and resumed after an interruption.

Pieces run through joblib: one after the other in this process, unless the caller chooses a backend,

    with joblib.parallel_config(backend="dask"):
        ...

With a cache directory every finished piece is kept on disk (joblib.Memory), and found there by the next
call with the same arguments, the same source of this package and the same numpy and torch.
"""

import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import joblib


def compute(function, pieces, cache=None):
    """`function(*piece)` for every piece, in order.

    Parameters
    ----------
    function : callable
        A function of a module, so that other processes can import it. It must not return unfinished
        work: what it returns is kept.
    pieces : sequence of tuples
    cache : path or None
        Directory for finished pieces; on a cluster one that all workers see.
    """
    if cache is not None:
        if not isinstance(cache, (str, Path)):
            raise ValueError(f"cache is {cache!r}: give the path of a directory, or None.")
        memory = joblib.Memory(cache, verbose=0)
        call = joblib.delayed(memory.cache(_call))
        key = _fingerprint()
    else:
        call, key = joblib.delayed(_call), None
    return joblib.Parallel()(call(function, piece, key) for piece in pieces)


def _call(function, piece, key):
    """One piece; `key` is there to be part of what a cached result depends on."""
    return function(*piece)


def _fingerprint():
    """Changes whenever the package, numpy or torch do, and with them what a cached result would be."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(source.read_bytes())
    for package in ("numpy", "scipy", "torch"):
        try:
            digest.update(version(package).encode())
        except PackageNotFoundError:
            digest.update(b"absent")
    return digest.hexdigest()
