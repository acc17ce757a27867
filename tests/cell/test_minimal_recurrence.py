import pytest
import torch

from throughtime.cell.mingru import MinGRU
from throughtime.cell.minimal_recurrence import MinimalState, decay, make_positive
from throughtime.cell.minlstm import MinLSTM
from throughtime.engine.reference import Reference
from throughtime.engine.scan import Scan
from throughtime.errors import UserError


def test_a_positive_candidate_is_above_zero_continuous_and_increasing():
    values = make_positive(torch.linspace(-8, 8, 10001))
    assert (values > 0).all()
    assert (values.diff() > 0).all()
    assert values.diff().max() < 0.002


@pytest.mark.parametrize("kind", [MinGRU, MinLSTM])
def test_the_coefficients_are_in_the_precision_of_the_state_under_autocast(kind):
    cell = kind(3, 4)
    with torch.autocast("cpu", torch.bfloat16):
        a, b = cell.coefficients(cell.project(torch.randn(2, 3)))
    assert a.dtype == b.dtype == torch.float32


def test_a_symmetric_decay_is_twice_a_positive_one_less_one():
    """Grazzi et al. 2024, section 4.1."""
    logits = torch.linspace(-30, 30, 601).double()
    torch.testing.assert_close(decay(logits, "symmetric"), 2 * decay(logits, "positive") - 1)
    assert torch.equal(decay(logits, "positive"), torch.sigmoid(logits))


def parity_cell(kind: type[MinGRU] | type[MinLSTM], eigenvalue_range: str) -> MinGRU | MinLSTM:
    """One unit with its gates shut at a 0, and at a 1 open for the candidate 1: h_t = a_t h_{t-1} + x_t."""
    cell = kind(1, 1, eigenvalue_range=eigenvalue_range)
    gates = [[400.0]] if kind is MinGRU else [[-400.0], [400.0]]
    with torch.no_grad():
        cell.weight_input.copy_(torch.tensor([*gates, [0.0]]))
        cell.bias.copy_(torch.cat((-cell.weight_input[:-1, 0] / 2, torch.tensor([0.5]))))
    return cell


@pytest.mark.parametrize("engine", [Reference(), Scan()], ids=["reference", "scan"])
@pytest.mark.parametrize("kind", [MinGRU, MinLSTM])
def test_with_symmetric_eigenvalues_one_unit_is_the_automaton_of_parity(kind, engine):
    """h ↦ 1 - h at a 1 and h ↦ h at a 0 swaps the states 0 and 1, exactly and for any length."""
    bits = torch.randint(2, (3000, 4, 1)).float()
    cell = parity_cell(kind, "symmetric")
    outputs, _ = engine.run(cell, bits, cell.initial_state(4))
    assert torch.equal(outputs, bits.cumsum(0) % 2)


@pytest.mark.parametrize("kind", [MinGRU, MinLSTM])
def test_with_positive_eigenvalues_the_same_weights_forget_what_was_before(kind):
    bits = torch.randint(2, (3000, 4, 1)).float()
    cell = parity_cell(kind, "positive")
    outputs, _ = Reference().run(cell, bits, cell.initial_state(4))
    assert torch.equal(outputs, bits.cummax(0).values)


@pytest.mark.parametrize("kind", [MinGRU, MinLSTM])
def test_no_input_swaps_two_states_unless_eigenvalues_may_be_negative(kind):
    """What parity needs of an input: with a_t > 0 every step is increasing in h, whatever the weights are."""
    torch.manual_seed(0)
    swapped = {}
    for eigenvalue_range in ("positive", "symmetric"):
        cell = kind(3, 50, eigenvalue_range=eigenvalue_range).double()
        for parameter in cell.parameters():
            torch.nn.init.normal_(parameter)
        states = MinimalState(torch.randn(2, 50).double().sort(0).values)
        inputs = torch.randn(4, 1, 3).double().expand(4, 2, 3)
        outputs, _ = Reference().run(cell, inputs, states)
        swapped[eigenvalue_range] = bool((outputs[:, 0] > outputs[:, 1]).any())
    assert swapped == {"positive": False, "symmetric": True}


@pytest.mark.parametrize("kind", [MinGRU, MinLSTM])
def test_an_unknown_range_is_a_mistake_of_the_user(kind):
    with pytest.raises(
        UserError, match="eigenvalue_range=negative is not known; choose one of: positive, symmetric"
    ):
        kind(3, 4, eigenvalue_range="negative")
