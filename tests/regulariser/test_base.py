"""The steps at which a regulariser is added, and its settings."""

import pytest
import torch

from throughtime.cell.gru import GRU
from throughtime.engine.bptt.engine import BackpropagationThroughTime
from throughtime.engine.recorded_runs import recorded_runs
from throughtime.errors import UserError
from throughtime.regulariser.base import Regulariser
from throughtime.regulariser.flossing import Flossing
from throughtime.regulariser.norm_preserving import NormPreserving


class Constant(Regulariser):
    """A penalty of 3."""

    def penalty(self, runs, loss):
        return torch.tensor(3.0)


def test_the_term_is_added_every_so_many_steps_until_the_last() -> None:
    assert [step for step in range(1, 12) if Constant(1.0, 3, 9).is_due(step)] == [3, 6, 9]
    assert all(Constant(1.0).is_due(step) for step in range(1, 12))


def test_the_term_has_its_weight() -> None:
    assert float(Constant(0.5).term([], torch.zeros(()))) == 1.5


@pytest.mark.parametrize("kind", [NormPreserving, Flossing])
def test_under_autocast_the_term_is_that_of_single_precision(kind) -> None:
    torch.manual_seed(1)
    cell, inputs, found = GRU(2, 4), torch.randn(6, 3, 2), []
    for mixed in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed), recorded_runs() as runs:
            outputs, _ = BackpropagationThroughTime().run(cell, inputs, cell.initial_state(3))
            loss = outputs.float().square().sum()
            found.append(kind(1.0).term(runs, loss))
    assert found[1].dtype == torch.float32
    torch.testing.assert_close(found[1], found[0], rtol=0.05, atol=1e-3)


@pytest.mark.parametrize("name", ["weight", "every_n_steps", "until_step"])
def test_settings_are_checked(name) -> None:
    with pytest.raises(UserError, match=f"{name} must be above 0"):
        Constant(**{"weight": 1.0, name: 0.0 if name == "weight" else 0})
