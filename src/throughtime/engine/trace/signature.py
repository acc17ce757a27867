"""What a step depends on besides the numbers in its tensors."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import Module

from throughtime.cell.base import Cell, State

PRIVATE = frozenset(vars(torch.nn.Module())) - {"training"}


def tensors_of(cell: Cell) -> dict[str, Tensor]:
    """All that a step may read from its cell: parameters and buffers by name."""
    found: dict[str, Tensor] = {}
    seen: set[int] = set()
    for kind in ("_parameters", "_buffers"):
        _collect(cell, kind, "", found, seen)
    return found


def _collect(module: Module, kind: str, prefix: str, found: dict[str, Tensor], seen: set[int]) -> None:
    """As `named_parameters` and `named_buffers`, which take longer than a short run: each tensor once."""
    for name, value in getattr(module, kind).items():
        if value is not None and id(value) not in seen:
            seen.add(id(value))
            found[prefix + name] = value
    for name, child in module._modules.items():
        if child is not None:
            _collect(child, kind, f"{prefix}{name}.", found, seen)


def attributes(cell: Cell) -> tuple:
    """What a step may depend on besides tensors: class, attributes and hooks of the cell and its modules."""
    found: list[Any] = []
    for module in cell.modules():
        found += (type(module), *module._forward_hooks.values(), *module._forward_pre_hooks.values())
        for name, value in vars(module).items():
            if name not in PRIVATE:
                found += (name, _comparable(value))
    return tuple(found)


def _comparable(value: Any) -> Any:
    if isinstance(value, Tensor):
        return id(value)
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value


def signature(cell: Cell, projected: Float[Tensor, "T B G"], state: State) -> tuple:
    """Two runs with equal signatures have the same trace."""
    device = projected.device
    tensors = (projected[0], *state)
    return (
        attributes(cell),
        tuple((name, t.shape, t.dtype) for name, t in tensors_of(cell).items()),
        tuple((t.shape[1:], t.dtype) for t in tensors),
        device,
        torch.is_autocast_enabled(device.type) and torch.get_autocast_dtype(device.type),
    )
