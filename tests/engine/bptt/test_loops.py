import torch

from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.engine.bptt.loops import append_mask, cached_loops, masked_step
from throughtime.engine.trace.signature import cell_tensors
from throughtime.engine.trace.trace import trace
from throughtime.engine.trace.trace_cache import cached_trace


def test_a_run_without_gradient_saves_nothing():
    cell = GRU(3, 4)
    trace = cached_trace(cell, cell.project(torch.zeros(1, 2, 3)), cell.initial_state(2))
    loops = cached_loops(trace, masked=False)
    assert len(loops.plain.hoisted.results) == loops.step.values < len(loops.saving.hoisted.results)


def test_a_finished_lane_keeps_its_state():
    cell, x = LSTM(3, 4), torch.randn(1, 2, 3)
    state = tuple(torch.randn(2, 4) for _ in range(2))
    found = masked_step(trace(cell, cell.project(x), cell.initial_state(2)))
    projected = append_mask(cell.project(x), torch.tensor([[True, False]]))
    _, *after = found.recurrence(*found.weights(*cell_tensors(cell).values()), projected[0], *state)
    _, expected = cell.step(cell.project(x)[0], type(cell.initial_state(1))(*state))
    for old, new, part in zip(state, expected, after, strict=True):
        torch.testing.assert_close([part[0], part[1]], [old[0], new[1]])
