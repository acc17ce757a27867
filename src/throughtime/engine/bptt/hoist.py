"""A step cut in three: what can be done before the steps, what each step has to wait for, what can be done after them.

Only what is on the way from the state that comes to the state that goes is done step by step; all else is done for
the rows of many steps at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from throughtime.engine.bptt.batchable import rowwise, sums_lanes
from throughtime.engine.trace.graph import dependents, extract, operators, placeholders, root
from throughtime.engine.trace.trace import free_lanes, mentions


@dataclass(frozen=True, eq=False)
class Stages:
    """A step (fixed, rows, carried) -> (carried, results) in three parts.

    Attributes:
        early: (fixed, rows) -> early rows.
        during: (fixed, rows, early rows, carried) -> (carried, stored).
        late: (fixed, rows, early rows, carried before the step, stored) -> late results.
        results: for each result where it is found: in "rows", "early", "carried" (before the step), "next" (after
            it), "stored" or "late", and its index there.
        sums: which late results are sums over the lanes, and so of many steps' lanes at once.
        used: which carried inputs are needed of every step, not only of the last.
    """

    early: GraphModule
    during: GraphModule
    late: GraphModule
    results: list[tuple[str, int]]
    sums: set[int]
    used: set[int]


def stages(module: GraphModule, fixed: int, carried: int, lanes: int) -> Stages:
    """Cut a step.

    Args:
        module: (fixed, rows, carried) -> (carried, results).
        fixed: how many inputs are the same at every step.
        carried: how many inputs, the last ones, come from the step before.
        lanes: the number of lanes that the graph was made with.
    """
    graph, inputs = module.graph, placeholders(module)
    still, rows, before = (
        inputs[:fixed],
        inputs[fixed : len(inputs) - carried],
        inputs[len(inputs) - carried :],
    )
    found = list(graph.output_node().args[0])
    after, results = found[:carried], found[carried:]

    needed = operators(found) - set(inputs)
    moving = dependents(graph, before)
    sums = {n for n in results if n in needed & moving and sums_lanes(n, lanes) and _only_result(n)}
    # What is one thing for all lanes differs from step to step, and so does what reads it.
    alone = {n for n in needed - sums if _is_tensor(n) and lanes not in n.meta["val"].shape[:1]}
    odd = [
        n
        for n in needed - sums
        if alone.intersection([n, *n.all_input_nodes]) or not (rowwise(n, lanes) or _made(n, lanes))
    ]
    going = dependents(graph, [*before, *odd])
    waiting = needed & going & operators([*after, *odd])
    early = [n for n in graph.nodes if n in needed - going]
    late = needed & going - waiting

    users = waiting | late
    read = {root(n) for n in early if users.intersection(n.users)} | {n for n in early if n in results}
    handed = [n for n in early if n in read and _is_tensor(n)]
    stored = [
        n
        for n in graph.nodes
        if n in waiting and _is_tensor(n) and n not in after and (n in results or late.intersection(n.users))
    ]
    stored += [n for n in dict.fromkeys(after) if n in waiting and late.intersection(n.users)]
    ends = [n for n in dict.fromkeys(results) if n in late]
    parts = (
        (extract(module, [*still, *rows], handed)),
        (extract(module, [*still, *rows, *handed, *before], [*after, *stored])),
        (extract(module, [*still, *rows, *handed, *before, *stored], ends)),
    )
    homes = _homes(rows, handed, before, after, stored, ends)
    used = {i for i, n in enumerate(before) if n in results or late.intersection(n.users)}
    return Stages(
        *(_freed(part, lanes) for part in parts),
        [homes[n] for n in results],
        {i for i, n in enumerate(ends) if n in sums},
        used,
    )


def _homes(*groups: Sequence[Node]) -> dict[Node, tuple[str, int]]:
    """Where nodes are found, in the first group that has them."""
    names = ("rows", "early", "carried", "next", "stored", "late")
    homes: dict[Node, tuple[str, int]] = {}
    for name, group in zip(names, groups, strict=True):
        for index, node in enumerate(group):
            homes.setdefault(node, (name, index))
    return homes


def _only_result(node: Node) -> bool:
    return all(user.op == "output" for user in node.users)


def _is_tensor(node: Node) -> bool:
    return isinstance(node.meta.get("val"), Tensor)


def _made(node: Node, lanes: int) -> bool:
    """Whether a node makes the same numbers for every lane, as `torch.zeros(lanes, H)` does."""
    value = node.meta.get("val")
    return (
        not node.all_input_nodes
        and mentions(node, lanes)
        and isinstance(value, Tensor)
        and value.shape[0] == lanes
    )


def _freed(part: GraphModule, lanes: int) -> GraphModule:
    inputs = placeholders(part)
    with_lanes = (i for i, n in enumerate(inputs) if n.meta["val"].dim() and n.meta["val"].shape[0] == lanes)
    example = next(with_lanes, None)
    if example is None:
        return part
    freed = free_lanes(part, example, lanes)
    torch.fx.GraphModule.recompile(freed)
    return freed
