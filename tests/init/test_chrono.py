"""The time constants of a cell's memory are uniform between 2 and the longest lag."""

import pytest
import torch

from throughtime.cell.conv_lstm import ConvLSTM
from throughtime.cell.coupled_lstm import CoupledLSTM
from throughtime.cell.elman import Elman
from throughtime.cell.gru import GRU
from throughtime.cell.layernorm_gru import LayerNormGRU
from throughtime.cell.layernorm_lstm import LayerNormLSTM
from throughtime.cell.lem import LEM
from throughtime.cell.ligru import LiGRU
from throughtime.cell.lstm import LSTM
from throughtime.cell.mgu import MGU
from throughtime.cell.mingru import MinGRU
from throughtime.cell.minlstm import MinLSTM
from throughtime.errors import UserError
from throughtime.init.chrono import Chrono

LONGEST, UNITS = 50.0, 4000
MEMORY = {
    LSTM: 1,
    LayerNormLSTM: 1,
    GRU: 0,
    LayerNormGRU: 0,
    LiGRU: 0,
    MGU: 0,
    LEM: 1,
    MinGRU: 0,
    MinLSTM: 0,
    ConvLSTM: 1,
}
"""The part of the state that the gates keep."""


class BiasOnly(Chrono):
    """Chrono on a cell whose other weights are 0, so that the gates are functions of their biases alone."""

    def initialise_cell(self, cell):
        with torch.no_grad():
            for parameter in cell.parameters():
                parameter.zero_()
        return super().initialise_cell(cell)


@pytest.mark.parametrize("kind", MEMORY)
def test_a_memory_decays_in_times_that_are_uniform_up_to_the_longest(kind) -> None:
    torch.manual_seed(1)
    cell = kind(1, 30, positive=False) if kind in (MinGRU, MinLSTM) else kind(1, 30)
    torch.manual_seed(1)
    values = []
    for _ in range(UNITS // 30):
        assert BiasOnly(LONGEST).initialise_cell(cell)
        state = type(cell.initial_state(1))(*(torch.ones_like(part) for part in cell.initial_state(1)))
        _, after = cell.step(cell.project(torch.zeros(1, 1)), state)
        values.append(after[MEMORY[kind]][0].detach())
    kept = torch.cat(values)  # of a memory of 1, while nothing is written
    times = 1 / (1 - kept)
    assert times.min() >= 2 - 1e-4
    assert times.max() <= LONGEST * (1 + 1e-4)
    quantiles = torch.quantile(times, torch.tensor([0.25, 0.5, 0.75]))
    expected = 2 + torch.tensor([0.25, 0.5, 0.75]) * (LONGEST - 2)
    torch.testing.assert_close(quantiles, expected, rtol=0.08, atol=0)


def test_the_gates_of_one_memory_have_opposite_biases_and_the_others_stay() -> None:
    cell = LSTM(1, 16, forget_bias=1.0)
    Chrono(20.0).initialise_cell(cell)
    write, keep, candidate, output = cell.bias.detach().chunk(4)
    torch.testing.assert_close(write, -keep)
    assert keep.std() > 0
    assert not candidate.any()
    assert not output.any()


def test_every_memory_has_times_of_its_own() -> None:
    cell = CoupledLSTM(1, 16)
    Chrono(20.0).initialise_cell(cell)
    parts = cell.bias.detach().view(2, 5, 16)
    torch.testing.assert_close(parts[:, 0], -parts[:, 1])
    assert not torch.equal(parts[0, 1], parts[1, 1])


def test_a_cell_without_gates_and_a_time_that_is_too_short_are_told() -> None:
    assert not Chrono(20.0).initialise_cell(Elman(1, 4))
    with pytest.raises(UserError, match=r"longest=2\.0 must be above 2"):
        Chrono(2.0)
