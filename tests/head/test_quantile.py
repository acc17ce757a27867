"""Quantiles and their levels."""

import pytest
import torch

from throughtime.errors import UserError
from throughtime.head.quantile import Quantile


def test_its_own_levels_are_its_quantiles_and_between_them_it_is_linear():
    head, outputs = Quantile(3, 2, levels=(0.1, 0.5, 0.9)), torch.randn(4, 3)
    values = head.quantiles(outputs)
    for place, level in enumerate((0.1, 0.5, 0.9)):
        assert torch.allclose(
            head.quantile(outputs, torch.full((4, 2), level)), values[..., place], atol=1e-5
        )
    middle = head.quantile(outputs, torch.full((4, 2), 0.3))
    assert torch.allclose(middle, values[..., :2].mean(-1), atol=1e-5)
    assert torch.allclose(head.quantile(outputs, torch.full((4, 2), 0.99)), values[..., 2])
    assert torch.allclose(head.predict(outputs), values[..., 1])


@pytest.mark.parametrize("levels", [(0.1, 0.9), (0.5, 0.1), (0.0, 0.5), (0.5, 0.5)])
def test_other_levels_are_refused(levels):
    with pytest.raises(UserError, match=r"must increase between 0 and 1, with 0\.5"):
        Quantile(3, 1, levels=levels)
