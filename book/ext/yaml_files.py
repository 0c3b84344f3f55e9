"""YAML files of the book: every page asks for some of them, each is parsed once."""

import functools
from pathlib import Path

import yaml


def load(path):
    """What is in a file, parsed anew when the file has changed; not to be altered."""
    path = Path(path)
    return _parse(path, path.stat().st_mtime_ns, path.stat().st_size)


@functools.cache
def _parse(path, modified, size):
    return yaml.safe_load(path.read_text())
