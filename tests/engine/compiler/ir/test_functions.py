import torch

from throughtime.engine.compiler.ir.functions import CHEAP, ELEMENTWISE, C


def test_every_operator_of_the_table_has_its_c_and_every_name_is_known():
    assert set(ELEMENTWISE.values()) <= set(C)
    assert set(C) >= CHEAP


def test_the_c_has_as_many_operands_as_the_operator():
    for operator, name in ELEMENTWISE.items():
        tensors = [a for a in operator._schema.arguments if a.name not in ("alpha", "rounding_mode")]
        assert C[name].count("{") == len({c for c in C[name].split("{")[1:]}) or name == "where"
        assert f"{{{len(tensors) - 1}}}" in C[name], operator
    assert isinstance(torch.ops.aten.mul.Tensor, torch._ops.OpOverload)
