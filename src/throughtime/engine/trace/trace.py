"""Trace a cell's step into three graphs of operators: weights (once a run), recurrence (every step), readout (last)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.fx import GraphModule, Node
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.node import map_aggregate

from throughtime.cell.base import Cell, State
from throughtime.engine.delta_clip import DeltaClip
from throughtime.engine.trace.graph import ancestors, descendants, extract, placeholders
from throughtime.engine.trace.signature import cell_attributes, cell_tensors

PROBE_LANES = (1009, 1013, 1019)  # primes, so that a dimension of this size is most likely the lanes
PRODUCTS = {torch.ops.aten.mm.default, torch.ops.aten.addmm.default, torch.ops.aten.bmm.default}


class UntraceableError(Exception):
    """Raised for a step that is no fixed graph of operators; the message is half a sentence that says why."""


@dataclass(frozen=True, eq=False)
class Trace:
    """A step as three graphs, so that `step` = readout ∘ recurrence ∘ weights.

    Attributes:
        weights: (parameters and buffers) -> the weights of the recurrence, which are the same at every step:
            a transposed matrix, one gate's block, a peephole's row, W - Wᵀ.
        recurrence: (those weights, projected, state) -> (values that are read out, next state).
        readout: (parameters and buffers, values of all steps) -> outputs. It is there when the output is the
            product of something that the state does not wait for, as o_t = φ_o(W_o h_t + b_o) is; None when the
            recurrence's one value is the output.
        values: how many values the recurrence reads out.
        lanes: the number of lanes it was traced with.
        delta_clip: how the gradient of the state that goes back through the recurrence is clipped, or None.
        masked: whether the last feature of the projected input marks finished lanes, which hand their gradient on.
    """

    weights: GraphModule
    recurrence: GraphModule
    readout: GraphModule | None
    values: int
    lanes: int
    delta_clip: DeltaClip | None = None
    masked: bool = False


def trace(cell: Cell, projected: Float[Tensor, "T B G"], state: State) -> Trace:
    """Trace the step of a cell for any number of lanes, with the cell's present mode and attributes, and autocast.

    Raises:
        UntraceableError: the step is no fixed graph, draws random numbers, or changes its cell.
    """
    tensors = cell_tensors(cell)
    sizes = {size for t in (*tensors.values(), projected[0], *state) for size in t.shape[-2:]}
    lanes = next(probe for probe in PROBE_LANES if probe not in sizes)
    step = _operators_of_step(cell, tensors, projected, state, lanes)
    inputs = placeholders(step)
    own, sized = inputs[: len(tensors)], [n for n in step.graph.nodes if has_lane_count(n, lanes)]
    varying = descendants(step.graph, [*inputs[len(tensors) :], *sized])
    output, *after = step.graph.output_node().args[0]
    recurrent = ancestors(after)
    products = [n for n in varying - recurrent if n.target in PRODUCTS]
    epilogue = descendants(step.graph, products) - recurrent

    values, readout = [output], None
    if output in epilogue:
        needed = epilogue & ancestors([output])
        values = [n for n in step.graph.nodes if n in varying - epilogue and needed.intersection(n.users)]
        readout = with_dynamic_lanes(extract(step, [*own, *values], [output]), len(own), lanes)
    body = ancestors([*values, *after])
    weights = [n for n in step.graph.nodes if n in body - varying and _crosses(n, varying & body)]
    weights += [n for n in dict.fromkeys([*values, *after]) if n not in varying and n not in weights]
    recurrence = extract(step, [*weights, *inputs[len(tensors) :]], [*values, *after])
    return Trace(
        extract(step, own, weights),
        with_dynamic_lanes(recurrence, len(weights), lanes),
        readout,
        len(values),
        lanes,
    )


@lru_cache(maxsize=256)
def with_delta_clip(found: Trace, clip: DeltaClip | None) -> Trace:
    """The same trace, whose gradient of the state is clipped; one object for equal arguments."""
    return found if clip is None else replace(found, delta_clip=clip)


def has_lane_count(node: Node, lanes: int) -> bool:
    """Whether the number of lanes is an argument of a node, as in `torch.zeros(lanes, H)`."""
    found: list[Any] = []
    map_aggregate((node.args, node.kwargs), found.append)
    return any(type(argument) is int and argument == lanes for argument in found)


def _crosses(node: Node, varying: set[Node]) -> bool:
    """Whether a tensor that is the same at every step is read by something that is not."""
    return isinstance(node.meta.get("val"), Tensor) and bool(varying.intersection(node.users))


def _operators_of_step(
    cell: Cell, tensors: dict[str, Tensor], projected: Float[Tensor, "T B G"], state: State, lanes: int
) -> GraphModule:
    """Trace the whole step as one graph (parameters and buffers, projected, state) -> (output, next state)."""
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
    before = cell_attributes(cell)
    graph = aten_graph(step, arguments)
    if cell_attributes(cell) != before:
        raise UntraceableError("its step changes the cell's own attributes")
    for node in graph.graph.find_nodes(op="get_attr"):
        if getattr(getattr(graph, node.target), "requires_grad", False):
            raise UntraceableError("its step reads a learned tensor that is no parameter of the cell")
    return graph


class _Step(torch.nn.Module):
    """A module whose `forward` is a cell's `step`, for `functional_call`."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        return self.cell.step(projected, state)


def aten_graph(
    function: Callable, arguments: list[Tensor], decompositions: dict | None = None
) -> GraphModule:
    """Trace a function of tensors into a graph of ATen operators.

    Args:
        function: traced.
        arguments: examples.
        decompositions: operators to be written as simpler ones, as `make_fx` takes them.

    Raises:
        UntraceableError: the function is no fixed graph, draws random numbers, or changes a tensor in place.
    """
    tracer = make_fx(
        torch.func.functionalize(function),
        decomposition_table=decompositions or {},
        tracing_mode="fake",
        _allow_non_fake_inputs=True,
    )
    try:
        graph = tracer(*arguments)
    # A tracer that cannot follow a user's step raises an exception of any kind.
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


def with_dynamic_lanes(module: GraphModule, example: int, lanes: int) -> GraphModule:
    """Rewrite a graph in place to read the number of lanes off an input, instead of the constant it was traced with.

    Args:
        module: the graph.
        example: the index of an input whose first axis is the lanes.
        lanes: the number of lanes that the graph was traced with.
    """
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
