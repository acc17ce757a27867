"""Means over what counts."""

import torch

from throughtime.head.masked import masked_mean


def test_a_mean_counts_what_the_mask_lets_through():
    losses = torch.tensor([1.0, 5.0, float("nan")])
    assert float(masked_mean(losses, torch.tensor([True, True, False]))) == 3
    assert float(masked_mean(losses[:2], None)) == 3
    assert float(masked_mean(losses, torch.zeros(3, dtype=torch.bool))) == 0
