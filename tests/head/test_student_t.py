"""Student's t against torch's and scipy's own."""

import torch
from scipy import stats
from torch.distributions import StudentT as Reference

from throughtime.head.student_t import StudentT


def test_loss_and_quantiles_are_those_of_the_distribution():
    head, outputs, targets = StudentT(4, 2), torch.randn(3, 5, 4), torch.randn(3, 5, 2)
    mean, sigma, freedom = head.parameters_of(outputs)
    assert torch.allclose(
        head.loss(outputs, targets), -Reference(freedom, mean, sigma).log_prob(targets).mean()
    )
    probability = torch.rand(3, 5, 2).clamp(0.01, 0.99)
    parts = (part.detach().double().numpy() for part in (probability, freedom, mean, sigma))
    expected = torch.from_numpy(stats.t.ppf(*parts)).float()
    assert torch.allclose(head.quantile(outputs, probability), expected, rtol=1e-3, atol=1e-4)
    assert bool((freedom > 2).all())
