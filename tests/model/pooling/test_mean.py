"""The mean over true steps."""

import torch

from throughtime.model.pooling.mean import Mean


def test_it_is_the_mean_over_true_steps():
    features = torch.randn(6, 3, 4)
    lengths = torch.tensor([6, 1, 3])
    pooled = Mean(4).whole(features, lengths)
    for lane, length in enumerate(lengths.tolist()):
        torch.testing.assert_close(pooled[lane], features[:length, lane].mean(0))
