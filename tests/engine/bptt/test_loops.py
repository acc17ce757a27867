import torch

from throughtime.cell.gru import GRU
from throughtime.engine.bptt.loops import loops_of
from throughtime.engine.trace.trace_cache import traced


def test_a_run_without_gradient_keeps_nothing():
    cell = GRU(3, 4)
    loops = loops_of(traced(cell, cell.project(torch.zeros(1, 2, 3)), cell.initial_state(2)))
    assert len(loops.plain.stages.results) == loops.split.values < len(loops.keeping.stages.results)
