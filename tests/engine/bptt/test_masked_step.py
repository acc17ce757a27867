import torch

from throughtime.cell.lstm import LSTM
from throughtime.engine.bptt.masked_step import resting, with_rests
from throughtime.engine.trace.signature import tensors_of
from throughtime.engine.trace.trace import trace


def test_a_lane_that_rests_keeps_its_state():
    cell, x = LSTM(3, 4), torch.randn(1, 2, 3)
    state = tuple(torch.randn(2, 4) for _ in range(2))
    found = resting(trace(cell, cell.project(x), cell.initial_state(2)))
    projected = with_rests(cell.project(x), torch.tensor([[True, False]]))
    _, *after = found.recurrence(*found.weights(*tensors_of(cell).values()), projected[0], *state)
    _, expected = cell.step(cell.project(x)[0], type(cell.initial_state(1))(*state))
    for old, new, part in zip(state, expected, after, strict=True):
        torch.testing.assert_close([part[0], part[1]], [old[0], new[1]])
