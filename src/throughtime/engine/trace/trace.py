"""A cell's step as three graphs of operators: what is done once, what is done at every step, what can wait."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.fx import GraphModule, Node
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.node import map_aggregate

from throughtime.cell.base import Cell, State
from throughtime.engine.trace.graph import dependents, extract, operators, placeholders
from throughtime.engine.trace.signature import attributes, tensors_of

PROBES = (1009, 1013, 1019)  # primes, so that a dimension of this size is most likely the lanes
PRODUCTS = {torch.ops.aten.mm.default, torch.ops.aten.addmm.default, torch.ops.aten.bmm.default}


class UntraceableError(Exception):
    """A step that is no fixed graph of operators; the message is half a sentence that says why."""


@dataclass(frozen=True, eq=False)
class Trace:
    """A step taken apart, so that `step` = readout ∘ recurrence ∘ weights.

    Attributes:
        weights: (parameters and buffers) -> what the recurrence makes of them, which is the same at every step:
            a transposed matrix, one gate's block, a peephole's row, W - Wᵀ.
        recurrence: (those weights, projected, state) -> (values that are read out, next state).
        readout: (parameters and buffers, values of all steps) -> outputs. It is there when the output is the
            product of something that the state does not wait for, as o_t = φ_o(W_o h_t + b_o) is; None when the
            recurrence's one value is the output.
        values: how many values the recurrence reads out.
        lanes: the number of lanes it was traced with.
    """

    weights: GraphModule
    recurrence: GraphModule
    readout: GraphModule | None
    values: int
    lanes: int


def trace(cell: Cell, projected: Float[Tensor, "T B G"], state: State) -> Trace:
    """The step of a cell for any number of lanes, as it is now: its mode, its attributes, autocast or none.

    Raises:
        UntraceableError: the step is no fixed graph, draws random numbers, or changes its cell.
    """
    tensors = tensors_of(cell)
    sizes = {size for t in (*tensors.values(), projected[0], *state) for size in t.shape[-2:]}
    lanes = next(probe for probe in PROBES if probe not in sizes)
    step = _operators_of_step(cell, tensors, projected, state, lanes)
    inputs = placeholders(step)
    own, sized = inputs[: len(tensors)], [n for n in step.graph.nodes if mentions(n, lanes)]
    varying = dependents(step.graph, [*inputs[len(tensors) :], *sized])
    output, *after = step.graph.output_node().args[0]
    waited_for = operators(after)
    products = [n for n in varying - waited_for if n.target in PRODUCTS]
    late = dependents(step.graph, products) - waited_for

    values, readout = [output], None
    if output in late:
        needed = late & operators([output])
        values = [n for n in step.graph.nodes if n in varying - late and needed.intersection(n.users)]
        readout = free_lanes(extract(step, [*own, *values], [output]), len(own), lanes)
    early = operators([*values, *after])
    weights = [n for n in step.graph.nodes if n in early - varying and _crosses(n, varying & early)]
    weights += [n for n in dict.fromkeys([*values, *after]) if n not in varying and n not in weights]
    recurrence = extract(step, [*weights, *inputs[len(tensors) :]], [*values, *after])
    return Trace(
        extract(step, own, weights), free_lanes(recurrence, len(weights), lanes), readout, len(values), lanes
    )


def mentions(node: Node, lanes: int) -> bool:
    """Whether a node makes a tensor of its own for so many lanes, as `torch.zeros(lanes, H)` does."""
    found: list[Any] = []
    map_aggregate((node.args, node.kwargs), found.append)
    return any(type(argument) is int and argument == lanes for argument in found)


def _crosses(node: Node, varying: set[Node]) -> bool:
    """Whether a tensor that is the same at every step is read by something that is not."""
    return isinstance(node.meta.get("val"), Tensor) and bool(varying.intersection(node.users))


def _operators_of_step(
    cell: Cell, tensors: dict[str, Tensor], projected: Float[Tensor, "T B G"], state: State, lanes: int
) -> GraphModule:
    """The whole step as one graph (parameters and buffers, projected, state) -> (output, next state)."""
    holder = _Step(cell)
    names = [f"cell.{name}" for name in tensors]
    device = projected.device.type

    def step(*arguments: Tensor) -> tuple[Tensor, ...]:
        named = dict(zip(names, arguments, strict=False))
        x, *before = arguments[len(names) :]
        precision = {"dtype": torch.get_autocast_dtype(device), "enabled": torch.is_autocast_enabled(device)}
        with torch.autocast(device, cache_enabled=False, **precision):
            output, after = torch.func.functional_call(holder, named, (x, type(state)(*before)))
        return output, *after

    def many_lanes(part: Tensor) -> Tensor:
        return part.new_zeros((lanes, *part.shape[1:]))

    arguments = [*(t.detach() for t in tensors.values()), *map(many_lanes, (projected[0], *state))]
    before = attributes(cell)
    graph = operators_of(step, arguments)
    if attributes(cell) != before:
        raise UntraceableError("its step changes the cell's own attributes")
    for node in graph.graph.find_nodes(op="get_attr"):
        if getattr(getattr(graph, node.target), "requires_grad", False):
            raise UntraceableError("its step reads a learned tensor that is no parameter of the cell")
    return graph


class _Step(torch.nn.Module):
    """Lets `functional_call` reach a cell's `step`."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        return self.cell.step(projected, state)


def operators_of(
    function: Callable, arguments: list[Tensor], decompositions: dict | None = None
) -> GraphModule:
    """A function of tensors as a graph of ATen operators that draw no numbers and change nothing in place.

    Raises:
        UntraceableError: it is none.
    """
    tracer = make_fx(
        torch.func.functionalize(function),
        decomposition_table=decompositions or {},
        tracing_mode="fake",
        _allow_non_fake_inputs=True,
    )
    try:
        graph = tracer(*arguments)
    # Whatever a user's step does that a tracer cannot follow comes out as an exception of any kind.
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        raise UntraceableError(f"its step cannot be traced ({type(error).__name__}: {reason})") from error
    for node in graph.graph.nodes:
        if node.op != "call_function" or not isinstance(node.target, torch._ops.OpOverload):
            continue
        if torch.Tag.nondeterministic_seeded in node.target.tags:
            raise UntraceableError(
                f"its step draws random numbers ({node.target}), which belong in `project`"
            )
        if node.target._schema.is_mutable:
            raise UntraceableError(f"its step changes a tensor of its cell in place ({node.target})")
    return graph


def free_lanes(module: GraphModule, example: int, lanes: int) -> GraphModule:
    """The same graph with the size `lanes`, wherever it was written in, read from that input at run time."""
    graph, inputs = module.graph, placeholders(module)
    with graph.inserting_after(inputs[-1]):
        size = graph.call_function(torch.ops.aten.sym_size.int, (inputs[example], 0))

    def free(argument: Any) -> Any:
        return size if type(argument) is int and argument == lanes else argument

    for node in graph.nodes:
        if node.op == "call_function" and node is not size:
            node.args = map_aggregate(node.args, free)
            node.kwargs = map_aggregate(node.kwargs, free)
    if not size.users:
        graph.erase_node(size)
    module.recompile()
    return module
