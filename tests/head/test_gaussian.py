"""The normal distribution against torch's own."""

import torch
from torch.distributions import Normal

from throughtime.head.gaussian import Gaussian


def test_loss_and_quantiles_are_those_of_the_distribution():
    head, outputs, targets = Gaussian(4, 2), torch.randn(3, 5, 4), torch.randn(3, 5, 2)
    distribution = Normal(*head.parameters_of(outputs))
    assert torch.allclose(head.loss(outputs, targets), -distribution.log_prob(targets).mean())
    probability = torch.rand(3, 5, 2)
    assert torch.allclose(head.quantile(outputs, probability), distribution.icdf(probability), atol=1e-5)
