import torch
from torch.fx.experimental.proxy_tensor import make_fx

from throughtime.engine.bptt.hoist import hoist

LANES = 7


def hoisted(step):
    """A step (weight, row, state) -> (state, results) in three parts."""
    module = make_fx(step, tracing_mode="fake")(torch.rand(4, 4), torch.rand(LANES, 4), torch.rand(LANES, 4))
    return hoist(module, 1, 1, LANES)


def operators(module) -> int:
    return sum(node.op == "call_function" for node in module.graph.nodes)


def test_only_what_waits_for_the_state_is_done_step_by_step():
    found = hoisted(lambda w, x, h: (torch.tanh(torch.sigmoid(x) + h @ w), torch.exp(h * x)))
    assert [operators(part) for part in (found.prologue, found.body, found.epilogue)] == [1, 3, 2]
    assert found.results == [("epilogue", 0)]


def test_what_mixes_lanes_is_done_step_by_step():
    found = hoisted(lambda w, x, h: (torch.tanh(x + h @ w), x - x.mean(0), h.cumsum(0)))
    assert operators(found.epilogue) == 0
    assert {kind for kind, _ in found.results} == {"stored"}


def test_a_sum_over_the_lanes_is_one_over_all_steps():
    found = hoisted(lambda w, x, h: (torch.tanh(x + h @ w), (h * x).sum(0, keepdim=True)))
    assert found.results == [("epilogue", 0)]
    assert found.sums == {0}
