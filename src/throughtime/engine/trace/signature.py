"""Signatures of runs: all that a trace of a step depends on, apart from the numbers in its tensors."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import Module

from throughtime.cell.base import Cell, State

PLAIN = frozenset({bool, int, float, str, type(None)})
MODULE_ATTRIBUTES = frozenset(vars(torch.nn.Module())) - {"training"}


def cell_tensors(cell: Cell) -> dict[str, Tensor]:
    """The parameters and buffers of a cell by name: all tensors that its step may read."""
    found: dict[str, Tensor] = {}
    seen: set[int] = set()
    for kind in ("_parameters", "_buffers"):
        _collect(cell, kind, "", found, seen)
    return found


def _collect(module: Module, kind: str, prefix: str, found: dict[str, Tensor], seen: set[int]) -> None:
    """Collect each tensor once, as `named_parameters` and `named_buffers` do, which take longer than a short run."""
    for name, value in getattr(module, kind).items():
        if value is not None and id(value) not in seen:
            seen.add(id(value))
            found[prefix + name] = value
    for name, child in module._modules.items():
        if child is not None:
            _collect(child, kind, f"{prefix}{name}.", found, seen)


def cell_attributes(cell: Cell) -> tuple:
    """The class, attributes and hooks of a cell and its modules: all but tensors that its step may depend on."""
    found: list[Any] = []
    _collect_attributes(cell, found)
    return tuple(found)


def _collect_attributes(module: Module, found: list[Any]) -> None:
    found += (type(module), *module._forward_hooks.values(), *module._forward_pre_hooks.values())
    for name, value in vars(module).items():
        if name not in MODULE_ATTRIBUTES:
            found += (name, value if type(value) in PLAIN else _comparable(value))
    for child in module._modules.values():
        if child is not None:
            _collect_attributes(child, found)


def _comparable(value: Any) -> Any:
    if isinstance(value, Tensor):
        return id(value)
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value


def signature(cell: Cell, projected: Float[Tensor, "T B G"], state: State) -> tuple:
    """The key of a trace: two runs with equal signatures have the same trace."""
    device = projected.device
    return (
        cell_attributes(cell),
        *[(name, t.shape, t.dtype) for name, t in cell_tensors(cell).items()],
        (projected.shape[2:], projected.dtype),
        *[(t.shape[1:], t.dtype) for t in state],
        device,
        torch.is_autocast_enabled(device.type) and torch.get_autocast_dtype(device.type),
    )
