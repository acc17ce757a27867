import pytest
import torch

from throughtime.errors import UserError
from throughtime.model.layers.dropout import VariationalDropout


def test_one_mask_holds_for_every_step_and_differs_between_lanes():
    torch.manual_seed(0)
    dropped = VariationalDropout(0.5)(torch.ones(10, 4, 50))
    assert all(torch.equal(step, dropped[0]) for step in dropped)
    assert not torch.equal(dropped[0, 0], dropped[0, 1])
    assert set(dropped.unique().tolist()) == {0.0, 2.0}


def test_the_mean_stays():
    torch.manual_seed(0)
    assert VariationalDropout(0.3)(torch.ones(1, 100, 1000)).mean().item() == pytest.approx(1, abs=0.01)


def test_a_step_is_a_sequence_of_one():
    torch.manual_seed(0)
    step = VariationalDropout(0.5)(torch.ones(4, 5))
    torch.manual_seed(0)
    assert torch.equal(VariationalDropout(0.5)(torch.ones(1, 4, 5))[0], step)


@pytest.mark.parametrize(("probability", "training"), [(0.0, True), (0.5, False)])
def test_without_dropout_no_random_number_is_drawn(probability, training):
    before = torch.get_rng_state()
    values = torch.ones(2, 3, 4)
    assert VariationalDropout(probability).train(training)(values) is values
    assert torch.equal(torch.get_rng_state(), before)


def test_all_cannot_be_dropped():
    with pytest.raises(UserError, match="dropout"):
        VariationalDropout(1.0)
