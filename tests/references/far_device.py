"""A stand-in for a GPU: its tensors report a device of their own, and the host has to wait for them.

Their numbers are held and computed on the host, so that results can be compared to the last bit. What a GPU
refuses (operands on two devices) raises; what makes the host wait for a GPU, or the other way round, is
written to `events` as (what, without waiting): copies in either direction, numbers read, sizes that
depend on values. This is what `torch.cuda.set_sync_debug_mode` reports, and copies too.
"""

import torch
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

AVAILABLE = hasattr(backend_registration, "_setup_privateuseone_for_python_backend")
"""Whether this torch can give tensors such a device."""

DEVICE = torch.device("privateuseone", 0)

READ = {
    "_local_scalar_dense",
    "nonzero",
    "masked_select",
    "equal",
    "unique_consecutive",
    "_unique2",
}
"""Operations whose result, or its size, the host has to wait for."""

SCALARS = {"add", "add_", "sub", "sub_", "mul", "mul_", "div", "div_", "addcmul", "addcmul_"}
"""Operations that take a number of the host along with their launch; others copy it first."""


class FarTensor(torch.Tensor):
    """A tensor of the device; `near` holds its numbers."""

    @staticmethod
    def __new__(cls, near):
        tensor = torch.Tensor._make_wrapper_subclass(
            cls, near.shape, strides=near.stride(), dtype=near.dtype, device=DEVICE
        )
        tensor.near = near
        return tensor

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        raise RuntimeError(f"{func} of a tensor on {DEVICE} outside of FarDevice")


class FarDevice(TorchDispatchMode):
    """Inside, `DEVICE` can be used; `events` are what has happened since it was last emptied."""

    def __init__(self):
        super().__init__()
        self.events = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func._can_decompose():  # in inference mode they come whole
            with self:
                return func.decompose(*args, **kwargs)
        name = func._schema.name.removeprefix("aten::")
        operands = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
        far = [x for x in operands if isinstance(x, FarTensor)]
        target = kwargs.get("device")
        goes_far = bool(far) if target is None else torch.device(target).type == DEVICE.type
        if target is not None:
            kwargs["device"] = torch.device("cpu")
        self._judge(name, func, operands, far, goes_far, args, kwargs)
        known = {id(x.near): x for x in far}
        near = tree_map(lambda x: x.near if isinstance(x, FarTensor) else x, (args, kwargs))
        result = func(*near[0], **near[1])
        if name == "copy_":
            goes_far = isinstance(args[0], FarTensor)
        if not goes_far:
            return result

        def wrapped(x):
            if not isinstance(x, torch.Tensor):
                return x
            return known[id(x)] if id(x) in known else FarTensor(x)

        return tree_map(wrapped, result)

    def _judge(self, name, func, operands, far, goes_far, args, kwargs):
        mixed = bool(far) and len(far) < len(operands)
        if name == "_to_copy":
            if bool(far) != goes_far:
                self.events.append((name, kwargs.get("non_blocking", False)))
        elif name == "copy_":
            if mixed:
                self.events.append((name, len(args) > 2 and args[2]))
        elif far and name in READ:
            self.events.append((name, False))
        elif far and name in ("index", "index_put_", "_index_put_impl_"):
            if any(i is not None and i.dtype == torch.bool for i in args[1]):
                self.events.append((f"{name} by a mask", False))
            elif mixed:
                self.events.append((f"{name} by the host", False))
        elif mixed:
            if any(x.dim() for x in operands if not isinstance(x, FarTensor)):
                raise RuntimeError(f"{func} of tensors on two devices")
            if name not in SCALARS:
                self.events.append((f"a number of the host for {name}", False))


def far_device():
    """The device, made known to torch; once in a process."""
    module = backend_registration._DummyBackendModule()
    module.get_amp_supported_dtype = lambda: [torch.bfloat16]
    backend_registration._setup_privateuseone_for_python_backend(backend_module=module)
    return FarDevice()
