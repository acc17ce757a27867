"""The last step; of bidirectional layers the end of each recurrence."""

import torch

from throughtime.model.pooling.last import Last


def test_each_recurrence_is_read_at_its_own_end():
    features = torch.randn(5, 2, 7)
    pooling = Last(7, backward_size=3)
    lengths = torch.tensor([5, 2])
    pooled = pooling.whole(features, lengths)
    torch.testing.assert_close(pooled[0], torch.cat((features[4, 0, :4], features[0, 0, 4:])))
    torch.testing.assert_close(pooled[1], torch.cat((features[1, 1, :4], features[0, 1, 4:])))
    assert torch.equal(Last(7).whole(features, lengths)[1], features[1, 1])
