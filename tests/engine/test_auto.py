import pytest
import torch

from throughtime.cell.gru import GRU
from throughtime.engine.auto import FASTEST_FIRST, Auto
from throughtime.engine.native import Native
from throughtime.engine.reference import Reference


@pytest.mark.parametrize(("reset", "expected"), [("after", Native()), ("before", Reference())])
def test_the_fastest_engine_that_accepts_is_taken(reset, expected):
    cell, inputs = GRU(3, 4, reset=reset), torch.randn(5, 2, 3)
    outputs, after = Auto().run(cell, inputs, cell.initial_state(2))
    expected_outputs, expected_after = expected.run(cell, inputs, cell.initial_state(2))
    assert torch.equal(outputs, expected_outputs)
    assert torch.equal(after.hidden, expected_after.hidden)


def test_the_last_choice_takes_everything():
    assert isinstance(FASTEST_FIRST[-1], Reference)
