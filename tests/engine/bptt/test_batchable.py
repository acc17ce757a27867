import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from throughtime.engine.bptt.batchable import is_batchable, sums_lanes

LANES = 7


def last(function) -> torch.fx.Node:
    arguments = torch.rand(LANES, 4), torch.rand(LANES, 4), torch.rand(4), torch.rand(4, 4)
    module = make_fx(function, tracing_mode="fake")(*arguments)
    return [node for node in module.graph.nodes if node.op == "call_function"][-1]


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y, v, w: x * y,
        lambda x, y, v, w: x + v,
        lambda x, y, v, w: x @ w,
        lambda x, y, v, w: x.sum(1, keepdim=True),
        lambda x, y, v, w: torch.cat((x, y), 1),
        lambda x, y, v, w: x[:, 1:3],
        lambda x, y, v, w: x.view(LANES, 2, 2),
        lambda x, y, v, w: torch.layer_norm(x, (4,)),
    ],
)
def test_an_operator_that_treats_lanes_alike_is_batchable(function):
    assert is_batchable(last(function), LANES)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y, v, w: x.sum(0),
        lambda x, y, v, w: x.t() @ y,
        lambda x, y, v, w: x @ y.t(),
        lambda x, y, v, w: torch.cat((x, y), 0),
        lambda x, y, v, w: x[1:],
        lambda x, y, v, w: x.cumsum(0),
        lambda x, y, v, w: v * v,
    ],
)
def test_an_operator_that_mixes_or_tells_lanes_apart_is_not(function):
    assert not is_batchable(last(function), LANES)


def test_a_sum_over_the_lanes_is_recognised():
    assert sums_lanes(last(lambda x, y, v, w: x.sum(0)), LANES)
    assert not sums_lanes(last(lambda x, y, v, w: x.sum(1)), LANES)
