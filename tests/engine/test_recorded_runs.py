"""Runs are recorded inside the block only, once each, with their graph."""

import torch

from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.engine.auto import Auto
from throughtime.engine.recorded_runs import recorded_runs
from throughtime.engine.reference import Reference


def test_a_run_is_recorded_once_with_its_arguments_and_results() -> None:
    cell, inputs, engine = GRU(2, 3), torch.randn(4, 2, 2), Auto()
    state, resets = cell.initial_state(2), torch.zeros(4, 2, dtype=torch.bool)
    engine.run(cell, inputs, state)
    with recorded_runs() as runs:
        outputs, after = engine.run(cell, inputs, state, None, resets)
        with recorded_runs() as inner:
            engine.run(cell, inputs, state)
    engine.run(cell, inputs, state)
    ((*given, kept, last),) = runs
    expected = (cell, inputs, state, None, resets)
    assert all(one is other for one, other in zip(given, expected, strict=True))
    assert kept is outputs
    assert last is after
    assert kept.requires_grad
    assert len(inner) == 1


def test_the_results_of_the_plain_loop_are_not_made_of_each_other() -> None:
    """In the loop h_T = o ∘ tanh(c_T) is the last output, and a function of the last c."""
    cell, inputs = LSTM(2, 3), torch.randn(4, 2, 2)
    with recorded_runs() as runs:
        Reference().run(cell, inputs, cell.initial_state(2))
    *_, outputs, after = runs[0]
    loss = outputs.sum() + 2 * after.hidden.sum()
    found = torch.autograd.grad(loss, [outputs, *after], materialize_grads=True)
    assert [float(part.mean()) for part in found] == [1.0, 2.0, 0.0]
