"""Out variants: for each ATen operator, the function of torch that writes its result into a given tensor."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

aten = torch.ops.aten


def reversed_difference(right: Tensor, left: int | float, out: Tensor) -> Tensor:
    """left - right"""
    return torch.sub(torch.tensor(left, dtype=right.dtype), right, out=out)


# A function of `torch` is called quicker than an operator of `torch.ops`.
OUT_VARIANTS: dict[Any, Callable] = {
    aten.add.Tensor: torch.add,
    aten.sub.Tensor: torch.sub,
    aten.mul.Tensor: torch.mul,
    aten.div.Tensor: torch.div,
    aten.rsub.Scalar: reversed_difference,
    aten.neg.default: torch.neg,
    aten.sigmoid.default: torch.sigmoid,
    aten.tanh.default: torch.tanh,
    aten.exp.default: torch.exp,
    aten.sin.default: torch.sin,
    aten.cos.default: torch.cos,
    aten.addcmul.default: torch.addcmul,
    aten.where.self: torch.where,
    aten.mm.default: torch.mm,
    aten.addmm.default: torch.addmm,
}
RESHAPES = {aten.view.default, aten._unsafe_view.default}
