"""The contract of heads, and the mean of their losses under a mask."""

import pytest
import torch

from throughtime.head.base import Head, masked_mean


def test_a_head_is_a_loss_and_a_prediction():
    assert Head.__abstractmethods__ == {"loss", "predict"}
    with pytest.raises(TypeError, match="abstract"):
        Head()


def test_a_mean_counts_what_the_mask_lets_through():
    losses = torch.tensor([1.0, 5.0, float("nan")])
    assert float(masked_mean(losses, torch.tensor([True, True, False]))) == 3
    assert float(masked_mean(losses[:2], None)) == 3
    assert float(masked_mean(losses, torch.zeros(3, dtype=torch.bool))) == 0
