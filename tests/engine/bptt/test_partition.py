import torch

from throughtime.cell.elman import Elman
from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.engine.bptt.partition import partition
from throughtime.engine.trace.derivative import differentiate
from throughtime.engine.trace.trace import trace


def partitioned(cell):
    found = trace(cell, cell.project(torch.zeros(1, 2, 3)), cell.initial_state(2))
    return partition(differentiate(found), found.lanes)


def products(module) -> int:
    return sum(
        node.target in (torch.ops.aten.mm.default, torch.ops.aten.addmm.default)
        for node in module.graph.nodes
    )


def test_the_gradient_of_a_weight_is_no_product_of_the_loop():
    for cell, count in ((Elman(3, 4), 1), (LSTM(3, 4, projection_size=2), 2), (GRU(3, 4, reset="before"), 2)):
        step = partitioned(cell)
        assert step.products == products(step.forward) == products(step.backward) == count


def test_the_gradient_of_a_value_that_is_the_state_is_added_to_that_of_the_state():
    assert partitioned(LSTM(3, 4)).shared == [0]

    class Gated(Elman):
        def step(self, projected, state):
            output, after = super().step(projected, state)
            return output * state.hidden, after

    assert partitioned(Gated(3, 4, output_activation=None)).shared == [None]
