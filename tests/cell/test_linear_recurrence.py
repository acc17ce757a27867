from functools import partial

import pytest
import torch

from throughtime.cell.linear_recurrence import LinearRecurrence
from throughtime.cell.lru import LRU
from throughtime.cell.mingru import MinGRU
from throughtime.cell.minlstm import MinLSTM
from throughtime.cell.rglru import RGLRU

INPUT, HIDDEN, LANES = 3, 4, 2
KINDS = {
    **{kind.__name__: kind for kind in (MinGRU, MinLSTM, LRU, RGLRU)},
    **{
        f"{kind.__name__} symmetric": partial(kind, eigenvalue_range="symmetric")
        for kind in (MinGRU, MinLSTM, LRU)
    },
    "LRU positive": partial(LRU, eigenvalue_range="positive"),
}


def test_it_is_the_three_methods_of_a_cell_and_two_more():
    assert LinearRecurrence.__abstractmethods__ == {
        *("initial_state", "project", "step"),
        *("coefficients", "outputs"),
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_is_what_its_coefficients_say(kind):
    torch.manual_seed(0)
    cell = KINDS[kind](INPUT, HIDDEN).double()
    projected = cell.project(torch.randn(LANES, INPUT).double())
    state = type(cell.initial_state(1))(torch.randn_like(cell.initial_state(LANES)[0]))
    output, after = cell.step(projected, state)
    a, b, h, expected = (
        torch.complex(*part.chunk(2, -1)) if cell.complex_valued else part
        for part in (*cell.coefficients(projected), state[0], after[0])
    )
    torch.testing.assert_close(a * h + b, expected)
    torch.testing.assert_close(cell.outputs(after[0], projected), output)


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_neither_grows_nor_turns_by_itself_beyond_its_size(kind):
    """|a_t| < 1, so that no product of many steps overflows."""
    cell = KINDS[kind](INPUT, HIDDEN)
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter)
    a, _ = cell.coefficients(cell.project(torch.randn(50, LANES, INPUT)))
    size = torch.complex(*a.chunk(2, -1)).abs() if cell.complex_valued else a
    if kind.endswith("symmetric"):
        size = size.abs()
    assert (size > 0).all()
    assert (size < 1).all()
