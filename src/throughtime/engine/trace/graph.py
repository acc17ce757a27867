"""Queries on graphs of operators: ancestors, descendants, views and subgraphs."""

from collections.abc import Iterable, Sequence
from operator import getitem

import torch
from torch.fx import Graph, GraphModule, Node
from torch.fx._lazy_graph_module import _LazyGraphModule

aten = torch.ops.aten
VIEWS = {
    aten.split.Tensor,
    aten.split_with_sizes.default,
    aten.slice.Tensor,
    aten.select.int,
    aten.unsqueeze.default,
    aten.t.default,
    getitem,
}
"""Operators whose result is a view: a part of their argument's memory, or the whole in another order."""


def view_base(node: Node) -> Node:
    """The node that a view, or a view of a view, is taken of; other nodes themselves."""
    part_of_several = node.target is getitem and node.args[0].target not in VIEWS
    return view_base(node.args[0]) if node.target in VIEWS and not part_of_several else node


def placeholders(module: GraphModule) -> list[Node]:
    """The inputs of a graph, in order."""
    return list(module.graph.find_nodes(op="placeholder"))


def ancestors(results: Iterable[Node]) -> set[Node]:
    """The nodes that the results are computed from, they themselves included."""
    found: set[Node] = set()
    waiting = list(results)
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting.extend(node.all_input_nodes)
    return found


def descendants(graph: Graph, sources: Iterable[Node]) -> set[Node]:
    """The nodes that are computed from the sources, they themselves included."""
    found = set(sources)
    for node in graph.nodes:
        if node.op != "output" and found.intersection(node.all_input_nodes):
            found.add(node)
    return found


def extract(module: GraphModule, inputs: Sequence[Node], results: Sequence[Node]) -> GraphModule:
    """The subgraph that computes the results from the inputs, as a module that returns a tuple.

    Its Python is compiled when it is first called: of most subgraphs only the nodes are read.
    """
    part = Graph()
    known = {node: part.placeholder(node.name) for node in inputs}
    for copy, node in zip(known.values(), inputs, strict=True):
        copy.meta = dict(node.meta)
    needed = _between(inputs, results)
    for node in module.graph.nodes:
        if node in needed:
            known[node] = part.node_copy(node, known.__getitem__)
    part.output(tuple(known[node] for node in results))
    return _LazyGraphModule(module, part)


def _between(inputs: Sequence[Node], results: Sequence[Node]) -> set[Node]:
    found: set[Node] = set()
    waiting = list(results)
    while waiting:
        node = waiting.pop()
        if node not in found and node not in inputs:
            found.add(node)
            waiting.extend(node.all_input_nodes)
    return found
