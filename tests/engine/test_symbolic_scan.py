"""The operator computes the plain loop, and a graph traced with it holds for any number of steps and lanes.

Tracing puts symbols in the place of sizes, which the checks of shapes in the tests would refuse. So this file is also
the script that a test runs without them.
"""

import torch
from torch import nn

from throughtime.cell.lstm import LSTM
from throughtime.engine.reference import Reference
from throughtime.engine.symbolic_scan import SymbolicScan


class Run(nn.Module):
    """A cell on an engine, as a function of tensors."""

    def __init__(self, cell, engine) -> None:
        super().__init__()
        self.cell = cell
        self.engine = engine

    def forward(self, inputs, lengths, resets):
        start = self.cell.initial_state(inputs.shape[1])
        outputs, after = self.engine.run(self.cell, inputs, start, lengths, resets)
        return outputs, *after


def situation(steps: int, lanes: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Inputs, the lanes' lengths, and some resets."""
    generator = torch.Generator().manual_seed(steps)
    inputs = torch.randn(steps, lanes, 3, generator=generator)
    lengths = torch.randint(0, steps + 1, (lanes,), generator=generator)
    return inputs, lengths, torch.rand(steps, lanes, generator=generator) < 0.3


def check() -> None:
    cell = LSTM(input_size=3, hidden_size=4, learned_state=True, peepholes=True).eval()
    for part in (*cell.start.parameters(), cell.weight_peephole):
        nn.init.normal_(part)
    steps, lanes = torch.export.Dim("T"), torch.export.Dim("B")
    shapes = ({0: steps, 1: lanes}, {0: lanes}, {0: steps, 1: lanes})
    with torch.no_grad():
        graph = torch.export.export(Run(cell, SymbolicScan()), situation(5, 3), dynamic_shapes=shapes)
        for sizes in ((1, 1), (2, 4), (19, 2)):
            inputs = situation(*sizes)
            for traced, expected in zip(
                graph.module()(*inputs), Run(cell, Reference())(*inputs), strict=True
            ):
                torch.testing.assert_close(traced, expected)
    loops = [node for node in graph.graph.nodes if node.target is torch.ops.higher_order.scan]
    assert len(loops) == 1


def test_one_traced_graph_is_the_plain_loop_at_all_sizes(command) -> None:
    finished = command(__file__)
    assert finished.returncode == 0, finished.stderr


def test_it_refuses_no_cell() -> None:
    cell = LSTM(input_size=3, hidden_size=4)
    assert SymbolicScan().unsupported_reason(cell, torch.zeros(2, 1, 3), None, None) is None


if __name__ == "__main__":
    check()
