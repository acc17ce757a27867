"""Elementwise operations: the ATen operators that each one stands for, and which are cheap to recompute."""

import torch

aten = torch.ops.aten

CHEAP = frozenset(
    {"copy", "add", "sub", "mul", "neg", "where", "maximum", "minimum", "relu", "abs", "sign", "number"}
    | {"lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"}
)
"""Operations that cost less to recompute than to save."""

ELEMENTWISE = {
    aten.mul.Tensor: "mul",
    aten.mul.Scalar: "mul",
    aten.div.Tensor: "div",
    aten.div.Scalar: "div",
    aten.neg.default: "neg",
    aten.where.self: "where",
    aten.maximum.default: "maximum",
    aten.minimum.default: "minimum",
    aten.relu.default: "relu",
    aten.abs.default: "abs",
    aten.sign.default: "sign",
    aten.sgn.default: "sign",
    aten.sqrt.default: "sqrt",
    aten.tanh.default: "tanh",
    aten.sigmoid.default: "sigmoid",
    aten.exp.default: "exp",
    aten.expm1.default: "expm1",
    aten.log.default: "log",
    aten.log1p.default: "log1p",
    aten.erf.default: "erf",
    aten.sin.default: "sin",
    aten.cos.default: "cos",
    aten.atan.default: "atan",
    aten.sinh.default: "sinh",
    aten.cosh.default: "cosh",
    aten.pow.Tensor_Tensor: "pow",
    aten.logical_and.default: "and",
    aten.logical_or.default: "or",
    aten.logical_not.default: "not",
    aten.bitwise_and.Tensor: "and",
    aten.bitwise_or.Tensor: "or",
    aten.bitwise_not.default: "not",
}
"""ATen operator -> elementwise operation of its tensor arguments; numbers among these are constants."""

for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    for _kind in ("Tensor", "Scalar"):
        ELEMENTWISE[getattr(getattr(aten, _name), _kind)] = _name
