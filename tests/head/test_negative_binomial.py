"""The negative binomial against scipy's own."""

import numpy as np
import pytest
import torch
from scipy import stats

from throughtime.errors import UserError
from throughtime.head.negative_binomial import NegativeBinomial


def test_the_loss_is_that_of_the_distribution_in_the_datas_units():
    head, outputs = NegativeBinomial(4, 1), torch.randn(3, 5, 4)
    counts = torch.randint(0, 50, (3, 5, 1))
    scale = torch.full((5, 1), 10.0)
    mean, shape = (part.detach().double().numpy() for part in head.parameters_of(outputs))
    expected = -stats.nbinom.logpmf(counts.numpy(), 1 / shape, 1 / (1 + shape * mean * 10)).mean()
    assert float(head.loss(outputs, counts / 10, scale=scale)) == pytest.approx(expected, rel=1e-4)


def test_quantiles_are_whole_counts():
    head, scale = NegativeBinomial(4, 1), torch.full((5, 1), 10.0)
    quantile = head.quantile(torch.randn(3, 5, 4), torch.full((3, 5, 1), 0.9), scale) * 10
    assert np.allclose(quantile.detach().numpy(), quantile.detach().round().numpy(), atol=1e-4)


def test_values_below_0_are_refused():
    with pytest.raises(UserError, match="head=negative_binomial is for counts"):
        NegativeBinomial(4, 1).loss(torch.zeros(1, 1, 4), -torch.ones(1, 1, 1))


def test_calibrated_quantiles_are_counts_again_and_no_interval_becomes_narrower():
    moved = torch.tensor([-59.0, 1.3, 2.0, 4.9999995, 7.2])[:, None, None, None].expand(5, 2, 3, 1)
    found = NegativeBinomial(4, 1).in_support(moved)
    assert found[:, 0, 0, 0].tolist() == [0, 1, 2, 5, 8]
    assert NegativeBinomial(4, 1).in_support(found).equal(found)
