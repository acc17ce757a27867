"""The steps at which a regulariser is added, and its settings."""

import pytest
import torch

from throughtime.errors import UserError
from throughtime.regulariser.base import Regulariser


class Constant(Regulariser):
    """A penalty of 3."""

    def penalty(self, runs, loss):
        return torch.tensor(3.0)


def test_the_term_is_added_every_so_many_steps_until_the_last() -> None:
    assert [step for step in range(1, 12) if Constant(1.0, 3, 9).is_due(step)] == [3, 6, 9]
    assert all(Constant(1.0).is_due(step) for step in range(1, 12))


def test_the_term_has_its_weight() -> None:
    assert float(Constant(0.5).term([], torch.zeros(()))) == 1.5


@pytest.mark.parametrize("name", ["weight", "every_n_steps", "until_step"])
def test_settings_are_checked(name) -> None:
    with pytest.raises(UserError, match=f"{name} must be above 0"):
        Constant(**{"weight": 1.0, name: 0.0 if name == "weight" else 0})
