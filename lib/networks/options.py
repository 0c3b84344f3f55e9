"""What a call of `simulate` may choose: precision, device, given samples, steps to keep."""

from contextlib import contextmanager

import numpy as np
import torch

from lib import checks
from lib.problem.dataset import Dataset


def precision(dtype):
    """The torch dtype that `dtype` stands for."""
    for precision in (torch.float32, torch.float64):
        name = str(precision).removeprefix("torch.")
        if dtype is precision or dtype in (name, np.dtype(name)):
            return precision
    raise ValueError(f"dtype is {dtype!r}: give 'float32' or 'float64'.")


@contextmanager
def exact_products():
    """Products of single-precision numbers keep all their digits, whatever torch is told elsewhere."""
    kinds = [torch.backends.cuda.matmul, torch.backends.mkldnn.matmul]
    if all(hasattr(kind, "fp32_precision") for kind in kinds):
        before = [kind.fp32_precision for kind in kinds]
        try:
            for kind in kinds:
                kind.fp32_precision = "ieee"
            yield
        finally:
            for kind, precision in zip(kinds, before, strict=True):
                kind.fp32_precision = precision
        return
    before = torch.get_float32_matmul_precision()  # an older torch has one setting for all
    try:
        torch.set_float32_matmul_precision("highest")
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def device(device):
    """The torch device that `device` stands for."""
    try:
        device = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"device is {device!r}: give 'cpu' or 'cuda'.") from error
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"device is '{device}': give 'cpu' or 'cuda'.")
    if device.type == "cpu":
        return torch.device("cpu")
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not there:
        raise ValueError(f"device is '{device}' but this torch sees no GPU: give 'cpu'.")
    if (device.index or 0) >= there:
        raise ValueError(
            f"device is '{device}' but the last GPU is 'cuda:{there - 1}': give that or one before it."
        )
    return device


def kept_steps(keep_errors, steps):
    """`keep_errors` as a list of steps."""
    if not checks.listed(keep_errors):
        raise ValueError(f"keep_errors is {keep_errors!r}: give a list of steps.")
    kept = [checks.integer("keep_errors", step, least=0) for step in checks.plain(keep_errors)]
    if any(step > steps for step in kept):
        raise ValueError(f"keep_errors lists steps beyond the last one, {steps}.")
    return kept


def given_dataset(dataset, data):
    """`dataset`, if it is what `data` describes."""
    if dataset is None:
        return None
    if not isinstance(dataset, Dataset):
        raise ValueError(f"dataset is {dataset!r}: give a lib.Dataset.")
    if not dataset.describes(data):
        raise ValueError(
            "data and dataset differ in spectrum or noise: make data with dataset.data(...)."
        )
    return dataset
