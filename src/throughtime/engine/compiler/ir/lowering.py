"""Lowering of a step's derivative, a graph of operators on `[B, n]`, to expressions of one lane and one feature."""

from typing import Any

import torch
from torch.fx import Node
from torch.fx.node import map_arg

from throughtime.engine.compiler.ir.expression import Row, Source, width
from throughtime.engine.compiler.ir.operators import RULES
from throughtime.engine.compiler.ir.program import (
    LaneSum,
    Matrix,
    OuterProducts,
    Program,
    UnknownOperatorError,
    Value,
    as_row,
    feature_count,
)
from throughtime.engine.trace.derivative import Derivative


def lower(derivative: Derivative, lanes: int) -> Program:
    """Lower a derivative to a program.

    Args:
        derivative: the graph of a step and its backward pass.
        lanes: the number of lanes that the graph was traced with.

    Raises:
        UnknownOperatorError: the compiler has no C for an operator or a type in it.
    """
    program = Program(precision=derivative.projected.meta["val"].dtype)
    known: dict[Node, Value] = _inputs(program, derivative, lanes)
    for node in derivative.module.graph.nodes:
        if node.op == "call_function":
            known[node] = _apply(program, node, lanes, known)
        elif node.op == "get_attr":
            raise UnknownOperatorError("a tensor that is neither a parameter nor a buffer")

    def rows(nodes: list[Node]) -> list[Row]:
        return [_result_row(program, node, lanes, known) for node in nodes]

    program.values, program.next_state = rows(derivative.values), rows(derivative.after)
    if derivative.projected_gradient is not None:
        program.grad_projected = rows([derivative.projected_gradient])[0]
    program.grad_state = rows(derivative.before_gradients)
    program.grad_weights = [_grad_weight(known, node) for node in derivative.weight_gradients]
    return program


def _inputs(program: Program, derivative: Derivative, lanes: int) -> dict[Node, Value]:
    """The values of the graph's inputs."""
    inputs = [derivative.projected, *derivative.before]
    for node in [*derivative.weights, *inputs]:
        found = node.meta["val"].dtype
        if found != program.precision or found not in (torch.float32, torch.float64):
            raise UnknownOperatorError(f"the type {str(found).removeprefix('torch.')}")
    known: dict[Node, Value] = {}
    for index, node in enumerate(derivative.weights):
        shape = tuple(node.meta["val"].shape)
        if len(shape) > 2:
            raise UnknownOperatorError(f"a weight of {len(shape)} axes")
        if len(shape) == 2:
            known[node] = Matrix(index, *shape)
        else:
            known[node] = program.vector(index, shape[0] if shape else 1)
    kinds = {
        "projected": [derivative.projected],
        "state": derivative.before,
        "grad_value": derivative.value_gradients,
        "grad_state": derivative.after_gradients,
    }
    for kind, nodes in kinds.items():
        for index, node in enumerate(nodes):
            known[node] = (program.builder.load(Source(kind, index, feature_count(node, lanes))),)
    return known


def _apply(program: Program, node: Node, lanes: int, known: dict[Node, Value]) -> Value:
    """The value of an operator's node, by its rule."""
    rule = RULES.get(node.target)
    if rule is None:
        raise UnknownOperatorError(str(node.target))
    found = node.meta.get("val")
    if isinstance(found, torch.Tensor) and found.is_floating_point() and found.dtype != program.precision:
        raise UnknownOperatorError(f"{node.target} in {str(found.dtype).removeprefix('torch.')}")
    arguments: tuple[Any, ...] = map_arg(node.args, known.__getitem__)
    return rule(program, node, lanes, *arguments)


def _result_row(program: Program, node: Node, lanes: int, known: dict[Node, Value]) -> Row:
    """The row of a result; a scalar that the graph broadcasts is expanded to all features."""
    row, size = as_row(program, known[node], node), feature_count(node, lanes)
    return row if width(row) == size else (program.builder.apply("copy", row[0], width=size),)


def _grad_weight(known: dict[Node, Value], node: Node | None) -> OuterProducts | LaneSum | None:
    value = None if node is None else known[node]
    if value is None or isinstance(value, OuterProducts | LaneSum):
        return value
    if isinstance(value, tuple) and all(piece.operation in ("constant", "copy") for piece in value):
        return None
    raise UnknownOperatorError("a weight's gradient that is no sum over lanes")
