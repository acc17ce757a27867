import torch

from throughtime.cell.elman import Elman
from throughtime.engine.trace.sequence import run_sequence


def test_the_loop_is_given_what_does_not_change_and_its_values_are_read_out():
    cell = Elman(3, 4)
    given = {}

    def loop(trace, weights, projected, before, start, lengths, resets):
        given.update(weights=weights, projected=projected, start=start)
        return [projected, *before]

    inputs, state = torch.randn(5, 2, 3), cell.initial_state(2)
    outputs, after = run_sequence(loop, cell, inputs, state, None, None)
    torch.testing.assert_close(outputs, cell.readout(cell.project(inputs)))
    assert torch.equal(after.hidden, state.hidden)
    assert torch.equal(given["weights"][0], cell.weight_recurrent.t())
    assert given["start"] == []


def test_padding_is_not_read_out():
    cell = Elman(3, 4)

    def loop(trace, weights, projected, before, start, lengths, resets):
        return [
            projected.masked_fill(torch.arange(5)[:, None, None] >= lengths[:, None], float("nan")),
            *before,
        ]

    inputs, lengths = torch.randn(5, 2, 3), torch.tensor([2, 5])
    outputs, _ = run_sequence(loop, cell, inputs, cell.initial_state(2), lengths, None)
    outputs.sum().backward()
    assert (outputs[2:, 0] == 0).all()
    assert all(parameter.grad is None or parameter.grad.isfinite().all() for parameter in cell.parameters())
