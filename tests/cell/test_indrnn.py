import pytest
import torch

from throughtime.cell.indrnn import IndRNN, IndRNNState
from throughtime.engine.reference import Reference
from throughtime.errors import UserError

INPUT, HIDDEN = 3, 5


def test_a_unit_sees_no_other_units_past():
    """∂h_T / ∂h_0 = diag(Π_t φ'(a_t) u), which for the identity is u^T."""
    cell = IndRNN(INPUT, HIDDEN, activation="identity").double()
    inputs = torch.randn(7, 1, INPUT).double()

    def last(hidden):
        return Reference().run(cell, inputs, IndRNNState(hidden))[1].hidden[0]

    jacobian = torch.autograd.functional.jacobian(last, torch.randn(1, HIDDEN).double())[:, 0]
    torch.testing.assert_close(jacobian, torch.diag(cell.weight_recurrent.detach() ** 7))


def test_a_unit_is_a_network_of_its_own():
    whole, alone = IndRNN(INPUT, HIDDEN), IndRNN(INPUT, 1)
    with torch.no_grad():
        for part, source in zip(alone.parameters(), whole.parameters(), strict=True):
            part.copy_(source[2:3])
    inputs = torch.randn(9, 2, INPUT)
    outputs, _ = Reference().run(whole, inputs, whole.initial_state(2))
    expected, _ = Reference().run(alone, inputs, alone.initial_state(2))
    torch.testing.assert_close(outputs[..., 2:3], expected)


def test_within_the_papers_bound_a_state_at_most_doubles():
    steps = 50
    cell = IndRNN(INPUT, HIDDEN, recurrent_maximum=2 ** (1 / steps))
    state = IndRNNState(torch.rand(2, HIDDEN))
    _, after = Reference().run(cell, torch.zeros(steps, 2, INPUT), state)
    assert (after.hidden <= 2 * state.hidden + 1e-6).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [({"activation": "rleu"}, "rleu"), ({"recurrent_maximum": 0.0}, "recurrent_maximum must be above 0")],
)
def test_a_wrong_option_is_named(options, message):
    with pytest.raises(UserError, match=message):
        IndRNN(INPUT, HIDDEN, **options)
