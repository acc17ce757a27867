"""The linear front end."""

import pytest
import torch

from throughtime.errors import UserError
from throughtime.model.inputs.linear import Linear


def test_every_step_is_mapped_alike_and_none_hands_numbers_on():
    inputs = torch.randn(5, 2, 3)
    front = Linear(3, size=4)
    assert front.output_size == 4
    assert torch.allclose(front(inputs)[2], front(inputs[2]))
    assert Linear(3).output_size == 3 and torch.equal(Linear(3)(inputs), inputs)


def test_mistakes_are_told():
    with pytest.raises(UserError, match="dropout"):
        Linear(3, dropout=1.0)
