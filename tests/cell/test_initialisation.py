import pytest
import torch
from torch import nn

from throughtime.cell.gru import GRU
from throughtime.cell.initialisation import INITIALISATIONS, initialise
from throughtime.errors import UserError


def initialised(name: str, rows: int, columns: int, gates: int = 1, **options) -> torch.Tensor:
    torch.manual_seed(0)
    weight = torch.empty(rows, columns)
    initialise(weight, name, gates, **options)
    return weight


def test_an_orthogonal_matrix_keeps_every_length():
    weight = initialised("orthogonal", 8, 8)
    vectors = torch.randn(5, 8)
    torch.testing.assert_close((vectors @ weight.T).norm(dim=1), vectors.norm(dim=1))


def test_each_gate_is_initialised_by_itself():
    for block in initialised("orthogonal", 12, 4, gates=3).chunk(3):
        torch.testing.assert_close(block @ block.T, torch.eye(4))
    for block in initialised("identity", 12, 4, gates=3).chunk(3):
        assert torch.equal(block, torch.eye(4))


def test_a_scaled_identity_multiplies_by_its_scale():
    assert torch.equal(initialised("scaled_identity", 3, 3, identity_scale=0.5), 0.5 * torch.eye(3))


def test_glorot_has_the_variance_of_its_fans():
    weight = initialised("glorot", 4 * 300, 100, gates=4)
    assert weight.var().item() == pytest.approx(2 / (300 + 100), rel=0.05)


def test_uniform_is_bounded_by_the_root_of_the_units():
    weight = initialised("uniform", 4 * 25, 7, gates=4)
    assert 0.18 < weight.abs().max() <= 0.2


@pytest.mark.parametrize("name", INITIALISATIONS)
def test_every_initialisation_takes_a_matrix_of_any_shape_and_stays_trainable(name):
    cell = GRU(3, 4, input_initialisation=name, recurrent_initialisation=name)
    assert all(
        isinstance(p, nn.Parameter) and p.requires_grad and p.isfinite().all() for p in cell.parameters()
    )


def test_an_unknown_name_is_a_mistake_of_the_user():
    with pytest.raises(UserError, match="orthogonal"):
        initialised("ortogonal", 3, 3)
