"""Hoist operators out of the loop over time: split a step into a prologue, a body and an epilogue.

The body is only what lies on the way from the state that comes in to the state that goes out. The prologue and the
epilogue run once for the rows of many steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.fx import GraphModule, Node

from throughtime.engine.bptt.batchable import is_batchable, sums_lanes
from throughtime.engine.trace.graph import ancestors, descendants, extract, placeholders, view_base
from throughtime.engine.trace.trace import has_lane_count, with_dynamic_lanes


@dataclass(frozen=True, eq=False)
class HoistedStep:
    """A step (fixed, rows, carried) -> (carried, results) in three parts.

    Attributes:
        prologue: (fixed, rows) -> hoisted rows.
        body: (fixed, rows, hoisted rows, carried) -> (carried, stored).
        epilogue: (fixed, rows, hoisted rows, carried before the step, stored) -> other results.
        results: the place of each result: "rows", "prologue", "carried" (before the step), "next" (carried after
            it), "stored" or "epilogue", and its index there.
        sums: the results of the epilogue that are sums over the lanes, and so over many steps' lanes at once.
        used: the carried inputs that are needed of every step, not only of the last.
    """

    prologue: GraphModule
    body: GraphModule
    epilogue: GraphModule
    results: list[tuple[str, int]]
    sums: set[int]
    used: set[int]


def hoist(module: GraphModule, fixed: int, carried: int, lanes: int) -> HoistedStep:
    """Split a step.

    Args:
        module: (fixed, rows, carried) -> (carried, results).
        fixed: the number of inputs that are the same at every step.
        carried: the number of inputs, the last ones, that come from the step before.
        lanes: the number of lanes that the graph was traced with.
    """
    graph, inputs = module.graph, placeholders(module)
    constant, rows, before = (
        inputs[:fixed],
        inputs[fixed : len(inputs) - carried],
        inputs[len(inputs) - carried :],
    )
    found = list(graph.output_node().args[0])
    after, results = found[:carried], found[carried:]

    needed = ancestors(found) - set(inputs)
    recurrent = descendants(graph, before)
    sums = {n for n in results if n in needed & recurrent and sums_lanes(n, lanes) and _only_result(n)}
    # A tensor without lanes may differ from step to step, and so do its readers.
    laneless = {n for n in needed - sums if _is_tensor(n) and lanes not in n.meta["val"].shape[:1]}
    unbatchable = [
        n
        for n in needed - sums
        if laneless.intersection([n, *n.all_input_nodes])
        or not (is_batchable(n, lanes) or _is_constant(n, lanes))
    ]
    dependent = descendants(graph, [*before, *unbatchable])
    body = needed & dependent & ancestors([*after, *unbatchable])
    prologue = [n for n in graph.nodes if n in needed - dependent]
    epilogue = needed & dependent - body

    users = body | epilogue
    read = {view_base(n) for n in prologue if users.intersection(n.users)} | {
        n for n in prologue if n in results
    }
    hoisted = [n for n in prologue if n in read and _is_tensor(n)]
    stored = [
        n
        for n in graph.nodes
        if n in body and _is_tensor(n) and n not in after and (n in results or epilogue.intersection(n.users))
    ]
    stored += [n for n in dict.fromkeys(after) if n in body and epilogue.intersection(n.users)]
    ends = [n for n in dict.fromkeys(results) if n in epilogue]
    parts = (
        extract(module, [*constant, *rows], hoisted),
        extract(module, [*constant, *rows, *hoisted, *before], [*after, *stored]),
        extract(module, [*constant, *rows, *hoisted, *before, *stored], ends),
    )
    places = _places(rows, hoisted, before, after, stored, ends)
    used = {i for i, n in enumerate(before) if n in results or epilogue.intersection(n.users)}
    return HoistedStep(
        *(_with_dynamic_lanes(part, lanes) for part in parts),
        [places[n] for n in results],
        {i for i, n in enumerate(ends) if n in sums},
        used,
    )


def _places(*groups: Sequence[Node]) -> dict[Node, tuple[str, int]]:
    """The place of each node: the first group that has it, and its index there."""
    names = ("rows", "prologue", "carried", "next", "stored", "epilogue")
    places: dict[Node, tuple[str, int]] = {}
    for name, group in zip(names, groups, strict=True):
        for index, node in enumerate(group):
            places.setdefault(node, (name, index))
    return places


def _only_result(node: Node) -> bool:
    return all(user.op == "output" for user in node.users)


def _is_tensor(node: Node) -> bool:
    return isinstance(node.meta.get("val"), Tensor)


def _is_constant(node: Node, lanes: int) -> bool:
    """Whether a node is a constant for every lane, as `torch.zeros(lanes, H)` is."""
    value = node.meta.get("val")
    return (
        not node.all_input_nodes
        and has_lane_count(node, lanes)
        and isinstance(value, Tensor)
        and value.shape[0] == lanes
    )


def _with_dynamic_lanes(part: GraphModule, lanes: int) -> GraphModule:
    inputs = placeholders(part)
    with_lanes = (i for i, n in enumerate(inputs) if n.meta["val"].dim() and n.meta["val"].shape[0] == lanes)
    example = next(with_lanes, None)
    if example is None:
        return part
    return with_dynamic_lanes(part, example, lanes)
