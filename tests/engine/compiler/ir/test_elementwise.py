import torch

from throughtime.engine.compiler.ir.elementwise import CHEAP, ELEMENTWISE


def test_operators_are_overloads_that_a_traced_graph_can_contain():
    assert all(isinstance(operator, torch._ops.OpOverload) for operator in ELEMENTWISE)


def test_functions_that_need_a_library_or_a_division_are_not_cheap():
    assert not CHEAP & {"tanh", "sigmoid", "exp", "log", "sqrt", "div", "pow", "erf"}
    assert {"add", "mul", "where"} <= CHEAP
