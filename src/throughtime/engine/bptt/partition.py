"""Partition the derivative of a step into a forward step, a backward step, and work left for after the loop.

A weight W of a product a_t = x_t W has the gradient

    ∂ℓ/∂W = Σ_t x_tᵀ δ_t = [x_1; …; x_T]ᵀ [δ_1; …; δ_T],      δ_t = ∂ℓ/∂a_t

so the loop only keeps x_t and δ_t, and one product over all T·B rows does what T products would.
"""

from dataclasses import dataclass
from operator import getitem

import torch
from torch import Tensor
from torch.fx import GraphModule, Node
from torch.fx.node import map_arg

from throughtime.engine.trace.derivative import Derivative
from throughtime.engine.trace.graph import VIEWS, ancestors, descendants, extract, placeholders, view_base
from throughtime.engine.trace.trace import has_lane_count

aten = torch.ops.aten
TRANSPOSES = {aten.t.default, aten.permute.default, aten.transpose.int}
# Operators that may stand between the products and the gradient of a weight: f(Σ_t x) = Σ_t f(x).
LINEAR = TRANSPOSES | {
    aten.view.default,
    aten._unsafe_view.default,
    aten.reshape.default,
    aten.squeeze.dims,
    aten.unsqueeze.default,
    aten.add.Tensor,
    aten.neg.default,
    aten._to_copy.default,
}


@dataclass(frozen=True, eq=False)
class PartitionedStep:
    """One step forward, one step backward, and the gradients of the weights.

    Attributes:
        forward: (weights, projected, before) -> (after, values, saved for backward).
        constants: (weights) -> tensors of the backward step that are the same at every step.
        backward: (weights, constants, projected, before, saved, gradients of values, of after) -> (gradient of
            before, of projected, x of each product, δ of each product, terms of sums).
        weight_gradients: (the gradient [x_1; …]ᵀ [δ_1; …] of each product, each sum over all steps) -> the gradients
            of those weights that have one.
        shared: for each value, the index of the part of the state that it is too, if the loss needs only the sum of
            both gradients, else None; the backward step then takes the value's gradient of the step before and adds
            it to that of the part before.
        values, parts, products, constant_count: the numbers of values, parts of the state, products and constants.
        lanes: the number of lanes in the graphs of the steps.
    """

    forward: GraphModule
    constants: GraphModule
    backward: GraphModule
    weight_gradients: GraphModule
    shared: list[int | None]
    values: int
    parts: int
    products: int
    constant_count: int
    lanes: int


def partition(step: Derivative, lanes: int) -> PartitionedStep:
    """Partition the derivative of a step.

    Args:
        step: the derivative; its graph is rewritten in part.
        lanes: the number of lanes that it was traced with.
    """
    module = step.module
    _correct_dtypes(module, lanes)
    forward = ancestors([*step.values, *step.after])
    # An operator with several results may have some that only the backward step reads.
    forward |= {n for n in module.graph.nodes if n.target is getitem and n.args[0] in forward}
    gradients = [gradient for gradient in step.weight_gradients if gradient is not None]
    summed = dict.fromkeys(term for gradient in gradients for term in _terms(gradient, lanes))
    products = [term for term in summed if _is_product(term, lanes)]
    sums = [term for term in summed if term not in products]
    lefts = [term.args[0].args[0] for term in products]
    rights = [term.args[1] for term in products]
    results = [*step.before_gradients, step.projected_gradient, *lefts, *rights, *sums]

    inputs = [*step.weights, step.projected, *step.before]
    tangents = [*step.value_gradients, *step.after_gradients]
    needed = ancestors(results)
    sized = [node for node in module.graph.nodes if has_lane_count(node, lanes)]
    varying = descendants(module.graph, [*inputs[len(step.weights) :], *tangents, *sized])
    backward_nodes = (needed & varying) - forward - set(tangents)
    used = {source for node in backward_nodes for source in node.all_input_nodes} | set(results)
    # A view is saved as its source, which other views may share.
    used = {view_base(n) if n in forward and n not in results else n for n in used}
    saved = [n for n in module.graph.nodes if n in used & forward and n not in inputs and _is_tensor(n)]
    constants = [n for n in module.graph.nodes if n in used - varying and n not in inputs and _is_tensor(n)]

    rows = [step.projected, *step.before, *saved]
    backward = extract(module, [*step.weights, *constants, *rows, *tangents], results)
    return PartitionedStep(
        extract(module, inputs, [*step.after, *step.values, *saved]),
        extract(module, step.weights, constants),
        backward,
        extract(module, [*products, *sums], gradients),
        _merge_shared_gradients(step, backward),
        len(step.values),
        len(step.before),
        len(products),
        len(constants),
        lanes,
    )


def _correct_dtypes(module: GraphModule, lanes: int) -> None:
    """Correct the dtypes that a tracer noted for operators with several results, by running each on a sample.

    A layer norm of half-precision numbers by single-precision weights is one that it gets wrong.
    """
    for node in module.graph.nodes:
        if node.target is getitem and node.args[0].target not in VIEWS:
            given = map_arg((node.args[0].args, node.args[0].kwargs), lambda n: _sample(n, lanes))
            result = node.args[0].target(*given[0], **given[1])[node.args[1]]
            if isinstance(result, Tensor):
                node.meta["val"] = result.new_empty(node.meta["val"].shape)


def _sample(node: Node, lanes: int) -> Tensor:
    value = node.meta["val"]
    shape = [2 if size == lanes else size for size in value.shape]
    return torch.zeros(shape, dtype=value.dtype, device=value.device)


def _merge_shared_gradients(step: Derivative, backward: GraphModule) -> list[int | None]:
    """Rewrite the backward step to take the gradients of those values that are parts of the state one step earlier.

    Returns:
        for each value, the part of the state that it is, or None (`PartitionedStep.shared`).
    """
    graph, tangents = (
        backward.graph,
        placeholders(backward)[-len(step.value_gradients + step.after_gradients) :],
    )
    values, after = tangents[: len(step.values)], tangents[len(step.values) :]
    (results,) = graph.output_node().args
    shared: list[int | None] = []
    for value, node in zip(values, step.values, strict=True):
        part = step.after.index(node) if node in step.after else None
        total = next(iter(value.users), None)
        if part is None or len(value.users) != 1 or len(after[part].users) != 1 or part in shared:
            shared.append(None)
            continue
        if total.target is not aten.add.Tensor or total.kwargs or set(total.args) != {value, after[part]}:
            shared.append(None)
            continue
        total.replace_all_uses_with(after[part])
        graph.erase_node(total)
        (results,) = graph.output_node().args
        with graph.inserting_before(graph.output_node()):
            earlier = graph.call_function(aten.add.Tensor, (value, results[part]))
        earlier.meta = dict(value.meta)
        results = (*results[:part], earlier, *results[part + 1 :])
        graph.output_node().args = (results,)
        shared.append(part)
    backward.recompile()
    return shared


def _is_tensor(node: Node) -> bool:
    return isinstance(node.meta.get("val"), Tensor)


def _terms(gradient: Node, lanes: int) -> list[Node]:
    """The terms that a weight's gradient is a linear function of: products over the lanes, or else any node."""
    if gradient.target in LINEAR and not _is_product(gradient, lanes):
        return [term for source in gradient.all_input_nodes for term in _terms(source, lanes)]
    return [gradient]


def _is_product(node: Node, lanes: int) -> bool:
    """Whether a node is a product xᵀ δ over the lanes."""
    if node.target is not aten.mm.default:
        return False
    left, right = node.args
    return (
        left.target in TRANSPOSES
        and left.args[0].meta["val"].shape[0] == lanes
        and right.meta["val"].shape[0] == lanes
    )
