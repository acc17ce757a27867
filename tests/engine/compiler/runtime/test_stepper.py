"""A stepper computes the cell's own step."""

from functools import partial

import pytest
import torch

from throughtime.cell.gru import GRU
from throughtime.cell.layernorm_lstm import LayerNormLSTM
from throughtime.cell.lstm import LSTM
from throughtime.engine.compiler.ir.program import UnknownOperatorError
from throughtime.engine.compiler.runtime.stepper import MAX_STEPS, Stepper

CELLS = {
    "gru": GRU,
    "layernorm_lstm": LayerNormLSTM,
    "lstm": LSTM,
    "lstm projection": partial(LSTM, projection_size=2),
}


def make(name, lanes, dtype=torch.float32):
    torch.manual_seed(0)
    cell = CELLS[name](3, 5).to(dtype)
    with torch.no_grad():
        projected = cell.project(torch.randn(MAX_STEPS + 40, lanes, 3, dtype=dtype))
    return cell, projected, Stepper(cell, projected[0])


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("lanes", [1, 7])
def test_steps_are_the_cells_own_beyond_one_allocation_of_states(name, lanes):
    cell, projected, stepper = make(name, lanes, torch.float64)
    state = expected = cell.initial_state(lanes)
    returned, wanted = [], []
    with torch.no_grad():
        for row in projected:
            state, (_, expected) = stepper(row, state), cell.step(row, expected)
            returned.append(state)
            wanted.append(expected)
    # Compared at the end: no state that was returned has changed since.
    for found, due in zip(returned, wanted, strict=True):
        for a, b in zip(found, due, strict=True):
            torch.testing.assert_close(a, b)


def test_a_step_continues_from_any_state():
    cell, projected, stepper = make("gru", 2)
    first = stepper(projected[0], cell.initial_state(2))
    second = stepper(projected[1], first)
    kept = [part.clone() for part in (*first, *second)]
    for state in (first, second, cell.initial_state(2), first):
        with torch.no_grad():
            _, expected = cell.step(projected[2], type(cell.initial_state(2))(*state))
        torch.testing.assert_close(stepper(projected[2], state), tuple(expected))
    assert all(torch.equal(a, b) for a, b in zip((*first, *second), kept, strict=True))


def test_weights_are_those_at_construction():
    cell, projected, stepper = make("lstm", 2)
    state = cell.initial_state(2)
    before = stepper(projected[0], state)[0].clone()
    with torch.no_grad():
        cell.weight_recurrent.mul_(2)
        cell.bias.add_(1)
    state = stepper(projected[0], state)
    torch.testing.assert_close(state[0], before)
    with torch.no_grad():
        _, expected = cell.step(projected[1], type(cell.initial_state(2))(*state))
    torch.testing.assert_close(Stepper(cell, projected[1])(projected[1], state), tuple(expected))


class Doubled(GRU):
    """A GRU whose output is no part of its state."""

    def step(self, projected, state):
        output, after = super().step(projected, state)
        return 2 * output, after


def test_an_output_outside_of_the_state_is_refused():
    with pytest.raises(UnknownOperatorError, match="no part of the state"):
        Stepper(Doubled(3, 5), torch.zeros(2, 15))


@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_a_step_of_another_shape_or_precision_is_refused_and_nothing_is_changed(name):
    cell, projected, stepper = make(name, 7)
    state = stepper(projected[0], cell.initial_state(7))
    expected = [part.clone() for part in stepper(projected[1], state)]
    wrong = [
        (projected[0][:3], state),
        (projected[0][:, :-1], state),
        (projected[0].double(), state),
        (projected[0], cell.initial_state(1)),
        (projected[0], cell.initial_state(9)),
        (projected[0], tuple(part[:, :-1] for part in state)),
        (projected[0], state[1:]),
        (projected[0], (*state, state[0])),
    ]
    for given in wrong:
        with pytest.raises(RuntimeError, match=r"projected|state"):
            stepper(*given)
    for found, due in zip(stepper(projected[1], state), expected, strict=True):
        assert torch.equal(found, due)
