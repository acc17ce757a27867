"""The largest value of each feature over true steps."""

import torch

from throughtime.model.pooling.max import Max


def test_it_is_the_largest_value_over_true_steps():
    features = torch.randn(6, 3, 4)
    lengths = torch.tensor([6, 1, 3])
    pooling = Max(4)
    pooled, _ = pooling(features, pooling.initial_state(3), lengths)
    for lane, length in enumerate(lengths.tolist()):
        expected = features[:length, lane].amax(0)
        torch.testing.assert_close(pooling.whole(features, lengths)[lane], expected)
        torch.testing.assert_close(pooled[length - 1, lane], expected)


def test_the_gradient_goes_to_the_largest_values_alone():
    features = torch.randn(6, 1, 4, requires_grad=True)
    pooling = Max(4)
    pooled, _ = pooling(features, pooling.initial_state(1))
    pooled[-1].sum().backward()
    assert torch.equal(features.grad[:, 0] != 0, features[:, 0] == features[:, 0].amax(0))
