"""What a step depends on besides the numbers in its tensors."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from throughtime.cell.base import Cell, State

PRIVATE = frozenset(vars(torch.nn.Module())) - {"training"}


def tensors_of(cell: Cell) -> dict[str, Tensor]:
    """All that a step may read from its cell: parameters and buffers by name."""
    return {**dict(cell.named_parameters()), **dict(cell.named_buffers())}


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
