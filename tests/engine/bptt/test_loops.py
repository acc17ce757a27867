import torch

from throughtime.cell.gru import GRU
from throughtime.engine.bptt.loops import cached_loops
from throughtime.engine.trace.trace_cache import cached_trace


def test_a_run_without_gradient_saves_nothing():
    cell = GRU(3, 4)
    trace = cached_trace(cell, cell.project(torch.zeros(1, 2, 3)), cell.initial_state(2))
    loops = cached_loops(trace, masked=False)
    assert len(loops.plain.hoisted.results) == loops.step.values < len(loops.saving.hoisted.results)
