"""Weights of attention are a distribution over true steps, and they are those that the mean has."""

import torch

from throughtime.model.pooling.attention import LARGEST, Attention


def pooling_of(scale=1.0):
    torch.manual_seed(0)
    pooling = Attention(4, size=8)
    torch.nn.init.normal_(pooling.query, std=scale)
    return pooling


def test_the_weights_are_those_of_the_mean():
    features, lengths = torch.randn(6, 3, 4), torch.tensor([6, 1, 3])
    pooling = pooling_of()
    weights = pooling.weights(features, lengths)
    torch.testing.assert_close(weights.sum(0), torch.ones(3))
    assert not weights[1:, 1].any() and not weights[3:, 2].any()
    expected = (weights[..., None] * features).sum(0)
    torch.testing.assert_close(pooling.whole(features, lengths), expected)


def test_it_begins_with_the_mean():
    features = torch.randn(6, 3, 4)
    pooled = Attention(4).whole(features, torch.full((3,), 6))
    torch.testing.assert_close(pooled, features.mean(0))


def test_large_scores_stay_finite_over_many_steps():
    features = 100 * torch.randn(3000, 2, 4)
    pooling = pooling_of(1e4)
    assert pooling.scores(features).abs().max() <= LARGEST
    pooled, state = pooling(features, pooling.initial_state(2))
    assert pooled.isfinite().all() and state.total.isfinite().all()
