"""The derivative of one step: the step and its vector-Jacobian product as one graph of operators.

With the step (v_t, s_t) = f(w, x_t, s_{t-1}) of weights w, projected input x_t, state s and values v that are
read out, backpropagation through time is

    (∂ℓ/∂w)_t, ∂ℓ/∂x_t, ∂ℓ/∂s_{t-1} = (∂f/∂(w, x_t, s_{t-1}))ᵀ (∂ℓ/∂v_t, ∂ℓ/∂s_t),      t = T … 1

where only ∂ℓ/∂s is handed from step to step, clipped where the trace says so (`engine.delta_clip`).
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from throughtime.engine.delta_clip import clip_delta
from throughtime.engine.trace.graph import placeholders
from throughtime.engine.trace.trace import Trace, aten_graph


@dataclass(frozen=True, eq=False)
class Derivative:
    """One step and its vector-Jacobian product as one graph.

    Attributes:
        module: the graph; the other attributes are its nodes.
        weights, projected, before: the inputs of the step.
        value_gradients, after_gradients: ∂ℓ/∂v_t and ∂ℓ/∂s_t, the inputs of the product.
        values, after: the results of the step.
        weight_gradients, projected_gradient, before_gradients: the results of the product; None for a weight that is
            not of a floating type. All gradients are missing in a derivative of `forward_only`.
    """

    module: GraphModule
    weights: list[Node]
    projected: Node
    before: list[Node]
    value_gradients: list[Node]
    after_gradients: list[Node]
    values: list[Node]
    after: list[Node]
    weight_gradients: list[Node | None]
    projected_gradient: Node | None
    before_gradients: list[Node]


def differentiate(trace: Trace, decompositions: dict | None = None) -> Derivative:
    """Differentiate the recurrence of a trace.

    Args:
        trace: of the step.
        decompositions: operators to be written as simpler ones, as `make_fx` takes them.

    Raises:
        UntraceableError: torch has no derivative for some operator.
    """
    inputs = [_like(node) for node in placeholders(trace.recurrence)]
    results = [_like(node) for node in trace.recurrence.graph.output_node().args[0]]
    parts = len(results) - trace.values
    count = len(inputs) - 1 - parts
    smooth = [i for i, t in enumerate(inputs) if t.is_floating_point() or t.is_complex()]

    def step_and_product(*arguments: Tensor) -> tuple[Tensor, ...]:
        given, gradients = list(arguments[: len(inputs)]), arguments[len(inputs) :]

        def step(*changing: Tensor) -> tuple[Tensor, ...]:
            for position, value in zip(smooth, changing, strict=True):
                given[position] = value
            return trace.recurrence(*given)

        values, product = torch.func.vjp(step, *(arguments[position] for position in smooth))
        products = list(product(gradients))
        if trace.delta_clip is not None:
            for place in (index for index, position in enumerate(smooth) if position > count):
                clipped = clip_delta(products[place], trace.delta_clip)
                if trace.masked:
                    finished = arguments[count][:, -1:].flatten() > 0
                    finished = finished.view(-1, *[1] * (clipped.dim() - 1))
                    clipped = torch.where(finished, products[place], clipped)
                products[place] = clipped
        return *values, *products

    module = aten_graph(step_and_product, [*inputs, *results], decompositions)
    nodes = placeholders(module)
    given, gradients = nodes[: len(inputs)], nodes[len(inputs) :]
    found = list(module.graph.output_node().args[0])
    values, products = found[: len(results)], dict(zip(smooth, found[len(results) :], strict=True))
    return Derivative(
        module,
        given[:count],
        given[count],
        given[count + 1 :],
        gradients[: trace.values],
        gradients[trace.values :],
        values[: trace.values],
        values[trace.values :],
        [products.get(position) for position in range(count)],
        products[count],
        [products[position] for position in range(count + 1, len(inputs))],
    )


def forward_only(trace: Trace, decompositions: dict | None = None) -> Derivative:
    """The recurrence of a trace without its derivative, for runs that no gradient is taken of.

    Args:
        trace: of the step.
        decompositions: as those of `differentiate`.

    Raises:
        UntraceableError: the decompositions are no fixed graph.
    """
    inputs = [_like(node) for node in placeholders(trace.recurrence)]
    module = aten_graph(trace.recurrence, inputs, decompositions)
    given, found = placeholders(module), list(module.graph.output_node().args[0])
    values, after = found[: trace.values], found[trace.values :]
    count = len(given) - 1 - len(after)
    weights, projected, before = given[:count], given[count], given[count + 1 :]
    return Derivative(module, weights, projected, before, [], [], values, after, [], None, [])


def _like(node: Node) -> Tensor:
    value = node.meta["val"]
    return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device=value.device)
