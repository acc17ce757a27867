"""Recurrent matrices begin orthogonal or as the identity, gate by gate, with the spectral radius that was asked for."""

import pytest
import torch

from throughtime.cell.coupled_lstm import CoupledLSTM
from throughtime.cell.elman import Elman
from throughtime.cell.gru import GRU
from throughtime.cell.indrnn import IndRNN
from throughtime.cell.lem import LEM
from throughtime.cell.lru import LRU
from throughtime.cell.lstm import LSTM
from throughtime.cell.slstm import SLSTM
from throughtime.errors import UserError
from throughtime.init.recurrent_weights import RecurrentWeights

SIZE = 8


@pytest.mark.parametrize(
    ("cell", "blocks"),
    [(Elman, 1), (GRU, 3), (LSTM, 4), (LEM, 4), (CoupledLSTM, 12), (SLSTM, 16)],
)
def test_every_gate_has_an_orthogonal_matrix_of_that_spectral_radius(cell, blocks) -> None:
    made = cell(2, SIZE)
    with torch.no_grad():
        made.weight_recurrent.fill_(7)
    assert RecurrentWeights("orthogonal", gain=0.9).initialise_cell(made)
    own = made.weight_recurrent.detach().reshape(-1, made.weight_recurrent.shape[-1]).chunk(blocks)
    for block in own:
        torch.testing.assert_close(block @ block.T, 0.81 * torch.eye(len(block)), atol=1e-5, rtol=0)
        radius = torch.linalg.eigvals(block).abs()
        torch.testing.assert_close(radius, torch.full_like(radius, 0.9))
    assert all(not torch.equal(own[0], other) for other in own[1:])


def test_the_identity_copies_the_state_of_a_linear_cell() -> None:
    cell = Elman(2, SIZE, activation="identity", output_activation=None)
    RecurrentWeights("identity").initialise_cell(cell)
    state = cell.initial_state(3)._replace(hidden=torch.randn(3, SIZE))
    output, _ = cell.step(torch.zeros(3, SIZE), state)
    torch.testing.assert_close(output, state.hidden)


def test_a_diagonal_recurrence_has_numbers_of_absolute_value_one() -> None:
    cell = IndRNN(2, 64)
    torch.manual_seed(1)
    RecurrentWeights("orthogonal", gain=0.5).initialise_cell(cell)
    assert set(cell.weight_recurrent.tolist()) == {0.5, -0.5}
    RecurrentWeights("identity").initialise_cell(cell)
    assert set(cell.weight_recurrent.tolist()) == {1.0}


def test_a_cell_without_recurrent_matrices_has_none_to_set() -> None:
    assert not RecurrentWeights().initialise_cell(LRU(2, SIZE))


def test_names_and_gains_are_checked() -> None:
    with pytest.raises(UserError, match="initialisation=unit is not known"):
        RecurrentWeights("unit")
    with pytest.raises(UserError, match="gain must be above 0"):
        RecurrentWeights(gain=0.0)
