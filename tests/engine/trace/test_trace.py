import pytest
import torch
from torch import nn

from throughtime.cell.base import Cell
from throughtime.cell.elman import Elman
from throughtime.cell.gru import GRU
from throughtime.engine.trace.graph import placeholders
from throughtime.engine.trace.signature import cell_tensors
from throughtime.engine.trace.trace import PRODUCTS, UntraceableError, trace


def traced(cell: Cell):
    return trace(cell, cell.project(torch.zeros(1, 2, cell.input_size)), cell.initial_state(2))


def products(module) -> int:
    return sum(node.target in PRODUCTS for node in module.graph.nodes)


class Changed(Elman):
    """An Elman cell whose recurrence goes through `change` first."""

    def __init__(self, change) -> None:
        super().__init__(3, 4)
        self.change = change

    def step(self, projected, state):
        return super().step(self.change(self, projected), state)


def test_a_readout_that_the_state_does_not_wait_for_leaves_the_loop():
    found = traced(Elman(3, 4))
    assert products(found.recurrence) == products(found.readout) == 1
    assert traced(Elman(3, 4, output_activation=None)).readout is None


def test_what_is_made_of_weights_alone_leaves_the_loop():
    found = traced(GRU(3, 4, reset="before"))
    targets = {node.target for node in found.weights.graph.nodes}
    assert torch.ops.aten.t.default in targets
    assert len(placeholders(found.recurrence)) == 2 + 1 + 1


def test_the_graphs_are_the_step_for_any_number_of_lanes():
    cell = Changed(lambda self, x: x + torch.zeros(x.shape[0], 4) + x.new_ones(len(x), 1))
    found = traced(cell)
    own = cell_tensors(cell).values()
    for lanes in (1, 5):
        x, state = torch.randn(lanes, 4), cell.initial_state(lanes)
        value, hidden = found.recurrence(*found.weights(*own), x, *state)
        output, after = cell.step(x, state)
        torch.testing.assert_close(hidden, after.hidden)
        torch.testing.assert_close(found.readout(*own, value)[0], output)


def choose(self, x):
    return x if x.sum() > 0 else -x


def count(self, x):
    self.count = getattr(self, "count", 0) + 1
    return x * self.count


def write(self, x):
    self.bias.data.add_(1)
    return x


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda self, x: x + torch.rand_like(x), "random numbers"),
        (choose, "cannot be traced"),
        (count, "changes the cell's own attributes"),
        (write, "in place"),
    ],
)
def test_a_step_that_is_no_fixed_graph_is_told_by_its_reason(change, reason):
    with pytest.raises(UntraceableError, match=reason):
        traced(Changed(change))


def test_a_learned_tensor_that_is_no_parameter_is_found():
    other = nn.Parameter(torch.ones(4))
    with pytest.raises(UntraceableError, match="no parameter"):
        traced(Changed(lambda self, x: x * other))
