"""The elementwise functions that a compiled step may use: ATen's operators, and C for each of them."""

import torch

aten = torch.ops.aten

# The C of each function; {0}, {1}, {2} are its operands. Capitals are from `prelude`.
C = {
    "copy": "{0}",
    "add": "({0} + {1})",
    "sub": "({0} - {1})",
    "mul": "({0} * {1})",
    "div": "({0} / {1})",
    "neg": "(-{0})",
    "where": "({0} ? {1} : {2})",
    "maximum": "MAXIMUM({0}, {1})",
    "minimum": "MINIMUM({0}, {1})",
    "relu": "RELU({0})",
    "abs": "FABS({0})",
    "sign": "SIGN({0})",
    "lt": "({0} < {1})",
    "le": "({0} <= {1})",
    "gt": "({0} > {1})",
    "ge": "({0} >= {1})",
    "eq": "({0} == {1})",
    "ne": "({0} != {1})",
    "and": "({0} & {1})",
    "or": "({0} | {1})",
    "not": "(!{0})",
    "number": "({0} ? (real)1 : (real)0)",
    "sqrt": "SQRT({0})",
    "tanh": "TANH({0})",
    "sigmoid": "SIGMOID({0})",
    "exp": "EXP({0})",
    "expm1": "EXPM1({0})",
    "log": "LOG({0})",
    "log1p": "LOG1P({0})",
    "erf": "ERF({0})",
    "sin": "SIN({0})",
    "cos": "COS({0})",
    "atan": "ATAN({0})",
    "sinh": "SINH({0})",
    "cosh": "COSH({0})",
    "pow": "POW({0}, {1})",
}

# What costs less to compute again than to keep.
CHEAP = frozenset(
    {"copy", "add", "sub", "mul", "neg", "where", "maximum", "minimum", "relu", "abs", "sign", "number"}
    | {"lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"}
)

# Operators that are one function of their tensor arguments (and numbers, which are constants).
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
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    for _kind in ("Tensor", "Scalar"):
        ELEMENTWISE[getattr(getattr(aten, _name), _kind)] = _name
