"""Simplify a step's graph: fewer operators, and fewer that depend on the tensors carried from step to step.

Backpropagation is linear in the errors, δ_{t} = Σ c_t ∘ δ_{t+1} …, and the factors c_t are known before the errors
are. So a derivative is written as such a factor, and factors are multiplied with each other first:

    σ'(a) = s - s²,  tanh'(a) = 1 - h²,    (δ ∘ c) ∘ d = δ ∘ (c ∘ d)

and a sum takes in the product before it: x + A B and x + a ∘ b are one operator each.
"""

from collections.abc import Callable

import torch
from torch.fx import Graph, GraphModule, Node

from throughtime.engine.trace.graph import descendants

aten = torch.ops.aten


def simplify(module: GraphModule, carried: list[Node]) -> None:
    """Rewrite a graph in place.

    Args:
        module: the graph of a step.
        carried: those of its inputs that are carried from step to step.
    """
    graph = module.graph
    for rule in (_derivative_to_factor, _multiply_factors_first, _sum_to_difference, _fuse_sum_with_product):
        dependent = descendants(graph, carried)
        for node in list(graph.nodes):
            if node.op == "call_function":
                rule(graph, node, dependent)
        graph.eliminate_dead_code()
    module.recompile()


def _derivative_to_factor(graph: Graph, node: Node, dependent: set[Node]) -> None:
    """Write the derivative of σ or tanh as a factor of the error."""
    if node.target not in (aten.sigmoid_backward.default, aten.tanh_backward.default):
        return
    error, result = node.args
    if error not in dependent or result in dependent:
        return
    with graph.inserting_before(node):
        if node.target is aten.sigmoid_backward.default:
            factor = graph.call_function(aten.addcmul.default, (result, result, result), {"value": -1})
        else:
            square = _new(graph, aten.mul.Tensor, (result, result), result)
            factor = graph.call_function(aten.rsub.Scalar, (square, 1))
        factor.meta = dict(result.meta)
        product = _new(graph, aten.mul.Tensor, (error, factor), node)
    dependent.add(product)
    node.replace_all_uses_with(product)


def _multiply_factors_first(graph: Graph, node: Node, dependent: set[Node]) -> None:
    """(δ ∘ c) ∘ d becomes δ ∘ (c ∘ d)."""
    outer = _error_and_factor(node, dependent)
    inner = outer and _error_and_factor(outer[0], dependent)
    if not inner or len(outer[0].users) > 1 or not _alike(node, *outer, *inner):
        return
    with graph.inserting_before(node):
        factor = _new(graph, aten.mul.Tensor, (inner[1], outer[1]), node)
    node.args = (inner[0], factor)


def _error_and_factor(node: Node, dependent: set[Node]) -> tuple[Node, Node] | None:
    if node.target is not aten.mul.Tensor or not all(isinstance(a, Node) for a in node.args):
        return None
    errors = [a for a in node.args if a in dependent]
    factors = [a for a in node.args if a not in dependent]
    return (errors[0], factors[0]) if len(errors) == len(factors) == 1 else None


def _sum_to_difference(graph: Graph, node: Node, dependent: set[Node]) -> None:
    """x + (-y) becomes x - y."""
    if not _is_sum(node) or not _alike(node, *node.args):
        return
    for x, y in (node.args, reversed(node.args)):
        if y.target is aten.neg.default and len(y.users) == 1:
            node.target, node.args = aten.sub.Tensor, (x, y.args[0])
            return


def _fuse_sum_with_product(graph: Graph, node: Node, dependent: set[Node]) -> None:
    """x + A B and x + a ∘ b become one operator each."""
    if not (_is_sum(node) or (node.target is aten.sub.Tensor and not node.kwargs)):
        return
    if not all(isinstance(a, Node) for a in node.args) or not _alike(node, *node.args):
        return
    minus = node.target is aten.sub.Tensor
    orders = [tuple(node.args)] if minus else [tuple(node.args), tuple(reversed(node.args))]
    for target, fused in ((aten.mm.default, aten.addmm.default), (aten.mul.Tensor, aten.addcmul.default)):
        for x, y in orders:
            fits = y.target is target and len(y.users) == 1 and all(isinstance(a, Node) for a in y.args)
            # A product that does not depend on the carried tensors stays outside the loop.
            if not fits or (node in dependent and y not in dependent):
                continue
            if target is aten.mul.Tensor and not _alike(node, *y.args):
                continue
            node.target, node.args = fused, (x, *y.args)
            if minus:
                node.kwargs = {"alpha": -1} if target is aten.mm.default else {"value": -1}
            return


def _is_sum(node: Node) -> bool:
    return node.target is aten.add.Tensor and not node.kwargs and all(isinstance(a, Node) for a in node.args)


def _alike(*nodes: Node) -> bool:
    """Whether all are of one shape and precision, so that no operator broadcasts."""
    values = [node.meta.get("val") for node in nodes]
    if not all(isinstance(value, torch.Tensor) for value in values):
        return False
    return len({(value.shape, value.dtype) for value in values}) == 1


def _new(graph: Graph, target: Callable, arguments: tuple, like: Node) -> Node:
    node = graph.call_function(target, arguments)
    node.meta = dict(like.meta)
    return node
