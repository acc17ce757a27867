import torch

from throughtime.cell.elman import Elman
from throughtime.cell.initial_state import InitialState
from throughtime.engine.reference import Reference


def test_it_begins_at_zero_and_is_the_same_for_every_lane():
    for learned in (False, True):
        hidden, cell = InitialState(learned, hidden=2, cell=3)(4)
        assert hidden.shape == (4, 2)
        assert cell.shape == (4, 3)
        assert not hidden.any()
        assert not cell.any()


def test_only_a_learned_state_is_part_of_the_weights():
    assert not InitialState(False, hidden=2).state_dict()
    assert list(InitialState(True, hidden=2).state_dict()) == ["hidden"]
    assert len(list(InitialState(False, hidden=2).parameters())) == 0


def test_it_follows_the_precision_of_its_module():
    assert InitialState(False, hidden=2).double()(1)[0].dtype == torch.float64


def test_a_learned_state_receives_the_gradient_of_all_lanes():
    cell = Elman(3, 2, learned_state=True)
    outputs, _ = Reference().run(cell, torch.randn(4, 5, 3), cell.initial_state(5))
    outputs.sum().backward()
    assert cell.start.hidden.grad.abs().sum() > 0
