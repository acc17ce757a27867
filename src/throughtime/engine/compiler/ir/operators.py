"""The table of ATen's operators that the compiler knows, and torch's decompositions of the others into these."""

import operator

import torch
from torch import Tensor
from torch._decomp import core_aten_decompositions, get_decompositions

from throughtime.engine.compiler.ir import arithmetic_rules as rules
from throughtime.engine.compiler.ir import layout_rules as layout
from throughtime.engine.compiler.ir.functions import ELEMENTWISE

aten = torch.ops.aten

RULES: dict[object, rules.Rule] = {
    **dict.fromkeys(ELEMENTWISE, rules.elementwise),
    aten.add.Tensor: rules.add,
    aten.add.Scalar: rules.add,
    aten.sub.Tensor: rules.subtract,
    aten.sub.Scalar: rules.subtract,
    aten.rsub.Scalar: rules.reversed_subtract,
    aten.rsqrt.default: rules.reciprocal_root,
    aten.reciprocal.default: rules.reciprocal,
    aten.pow.Tensor_Scalar: rules.power,
    aten.clamp.default: rules.clamp,
    aten.hardtanh.default: rules.clamp,
    aten.tanh_backward.default: rules.tanh_backward,
    aten.sigmoid_backward.default: rules.sigmoid_backward,
    **dict.fromkeys((aten.full_like.default, aten.full.default), rules.filled(lambda node: node.args[1])),
    aten.new_full.default: rules.filled(lambda node: node.args[2]),
    aten.scalar_tensor.default: rules.filled(lambda node: node.args[0]),
    **dict.fromkeys(
        (aten.zeros.default, aten.zeros_like.default, aten.new_zeros.default), rules.filled(lambda node: 0)
    ),
    **dict.fromkeys(
        (aten.ones.default, aten.ones_like.default, aten.new_ones.default), rules.filled(lambda node: 1)
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
        layout.same,
    ),
    aten._to_copy.default: layout.converted,
    aten.expand.default: layout.expand,
    aten.copy.default: layout.copied,
    aten.empty_permuted.default: rules.filled(lambda node: 0),
    aten.t.default: layout.transpose,
    aten.permute.default: layout.transpose,
    aten.transpose.int: layout.transpose,
    aten.mm.default: layout.product,
    aten.addmm.default: layout.product_and_sum,
    aten.sum.dim_IntList: layout.total,
    aten.sum.default: layout.total,
    aten.amax.default: layout.maximum_of_row,
    aten.split_with_sizes.default: layout.split,
    aten.split.Tensor: layout.split,
    aten.slice.Tensor: layout.part,
    aten.select.int: layout.one_feature,
    aten.slice_scatter.default: layout.replaced,
    aten.constant_pad_nd.default: layout.padded,
    aten.cat.default: layout.joined,
    operator.getitem: layout.item,
}


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


def decompositions() -> dict:
    """How operators outside `RULES` are written with those inside."""
    table = dict(core_aten_decompositions())
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
