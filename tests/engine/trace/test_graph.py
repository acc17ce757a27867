import torch
from torch.fx import symbolic_trace

from throughtime.engine.trace.graph import ancestors, descendants, extract, placeholders

MODULE = symbolic_trace(lambda x, y: (torch.tanh(x) + y, torch.tanh(x) * x))


def named(name: str):
    return next(node for node in MODULE.graph.nodes if node.name == name)


def test_descendants_and_ancestors_are_the_two_directions():
    x, y = placeholders(MODULE)
    assert named("add") in descendants(MODULE.graph, [y])
    assert named("mul") not in descendants(MODULE.graph, [y])
    assert ancestors([named("add")]) == {x, y, named("tanh"), named("add")}


def test_an_extracted_part_computes_what_the_whole_does():
    x, y = placeholders(MODULE)
    part = extract(MODULE, [named("tanh"), y], [named("add")])
    value, other = torch.randn(3), torch.randn(3)
    assert torch.equal(part(torch.tanh(value), other)[0], MODULE(value, other)[0])
    assert ancestors([x]) == {x}
