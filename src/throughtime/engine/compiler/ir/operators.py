"""Table of the ATen operators that the compiler lowers, and decompositions of the others into these."""

import operator
from functools import cache

import torch
from torch import Tensor
from torch._decomp import _core_aten_decompositions_post_autograd, get_decompositions

from throughtime.engine.compiler.ir import arithmetic_rules as arithmetic
from throughtime.engine.compiler.ir import layout_rules as layout
from throughtime.engine.compiler.ir.elementwise import ELEMENTWISE

aten = torch.ops.aten

RULES: dict[object, arithmetic.Rule] = {
    **dict.fromkeys(ELEMENTWISE, arithmetic.elementwise),
    aten.add.Tensor: arithmetic.add,
    aten.add.Scalar: arithmetic.add,
    aten.sub.Tensor: arithmetic.sub,
    aten.sub.Scalar: arithmetic.sub,
    aten.rsub.Scalar: arithmetic.rsub,
    aten.rsqrt.default: arithmetic.rsqrt,
    aten.reciprocal.default: arithmetic.reciprocal,
    aten.pow.Tensor_Scalar: arithmetic.pow_scalar,
    aten.clamp.default: arithmetic.clamp,
    aten.hardtanh.default: arithmetic.clamp,
    aten.tanh_backward.default: arithmetic.tanh_backward,
    aten.sigmoid_backward.default: arithmetic.sigmoid_backward,
    **dict.fromkeys((aten.full_like.default, aten.full.default), arithmetic.fill(lambda node: node.args[1])),
    aten.new_full.default: arithmetic.fill(lambda node: node.args[2]),
    aten.scalar_tensor.default: arithmetic.fill(lambda node: node.args[0]),
    **dict.fromkeys(
        (aten.zeros.default, aten.zeros_like.default, aten.new_zeros.default), arithmetic.fill(lambda node: 0)
    ),
    **dict.fromkeys(
        (aten.ones.default, aten.ones_like.default, aten.new_ones.default), arithmetic.fill(lambda node: 1)
    ),
    **dict.fromkeys(
        (
            aten.view.default,
            aten._unsafe_view.default,
            aten.reshape.default,
            aten.squeeze.dims,
            aten.squeeze.dim,
            aten.unsqueeze.default,
            aten.clone.default,
            aten.alias.default,
            aten.detach.default,
        ),
        layout.view,
    ),
    aten._to_copy.default: layout.to_copy,
    aten.expand.default: layout.expand,
    aten.copy.default: layout.copy,
    aten.empty_permuted.default: arithmetic.fill(lambda node: 0),
    aten.t.default: layout.transpose,
    aten.permute.default: layout.transpose,
    aten.transpose.int: layout.transpose,
    aten.mm.default: layout.mm,
    aten.addmm.default: layout.addmm,
    aten.sum.dim_IntList: layout.sum_,
    aten.sum.default: layout.sum_,
    aten.amax.default: layout.amax,
    aten.split_with_sizes.default: layout.split,
    aten.split.Tensor: layout.split,
    aten.slice.Tensor: layout.slice_,
    aten.select.int: layout.select,
    aten.slice_scatter.default: layout.slice_scatter,
    aten.constant_pad_nd.default: layout.constant_pad,
    aten.cat.default: layout.cat,
    operator.getitem: layout.getitem,
}
"""ATen operator -> lowering rule."""


def _mean(
    values: Tensor, axes: list[int], keepdim: bool = False, *, dtype: torch.dtype | None = None
) -> Tensor:
    count = 1
    for axis in axes:
        count *= values.shape[axis]
    return values.sum(axes, keepdim) / count


def _layer_norm(
    values: Tensor, shape: list[int], weight: Tensor | None, bias: Tensor | None, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    """x̂ = (x - μ) / √(σ² + ε), γ x̂ + β (Ba, Kiros & Hinton 2016, arXiv 1607.06450)."""
    axes = list(range(-len(shape), 0))
    mean = _mean(values, axes, True)
    centred = values - mean
    scale = torch.rsqrt(_mean(centred * centred, axes, True) + epsilon)
    normal = centred * scale
    normal = normal if weight is None else normal * weight
    return normal if bias is None else normal + bias, mean, scale


@cache
def decompositions() -> dict:
    """Decompositions of operators outside `RULES` into those inside, for `make_fx`."""
    # `core_aten_decompositions` adds the composite operators, which never come so far, and takes 0.3 s to list them.
    table = dict(_core_aten_decompositions_post_autograd())
    others = (
        aten.gelu,
        aten.softplus,
        aten._softmax,
        aten._log_softmax,
        aten.silu,
        aten.elu,
        aten.leaky_relu,
        aten.mv,
        aten.dot,
    )
    table.update(get_decompositions(others))
    table.update({aten.mean.dim: _mean, aten.native_layer_norm.default: _layer_norm})
    for known in RULES:
        table.pop(known, None)
    return table
