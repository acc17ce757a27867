"""Inputs with a condition: the lanes of a batch take their classes and texts with them."""

import torch

from throughtime.data.batch import Batch, Chunk
from throughtime.data.conditioned import Conditioned


def inputs():
    torch.manual_seed(0)
    text = torch.tensor([[1, 2, 3], [4, 0, 0], [5, 6, 0]])
    return Conditioned(torch.randn(4, 3, 2), torch.tensor([7, 8, 9]), text, torch.tensor([3, 1, 2]))


def test_lanes_keep_their_condition_and_drop_the_padding_of_others():
    found = inputs().lanes(slice(1, 3))
    torch.testing.assert_close(found.features, inputs().features[:, 1:])
    assert found.label.tolist() == [8, 9]
    assert found.text.tolist() == [[4, 0], [5, 6]] and found.text_lengths.tolist() == [1, 2]


def test_shards_of_a_batch_have_all_lanes_once():
    batch = Batch(Chunk(inputs(), torch.tensor([4, 2, 3])), torch.zeros(4, 3, 4))
    shards = [batch.shard(rank, 2) for rank in (0, 1)]
    assert [shard.inputs.label.tolist() for shard in shards] == [[7, 9], [8]]
    assert sum(shard.count() for shard in shards) == batch.count() == 9


def test_an_idle_rank_counts_nothing():
    batch = Batch(Chunk(inputs(), torch.tensor([4, 2, 3])), torch.zeros(4, 3, 4))
    assert batch.shard(3, 4).count() == 0


def test_steps_keep_their_conditions():
    chunk = Chunk(inputs(), torch.tensor([4, 2, 3])).between(1, 3)
    torch.testing.assert_close(chunk.inputs.features, inputs().features[1:3])
    assert chunk.inputs.text.tolist() == inputs().text.tolist() and chunk.lengths.tolist() == [2, 1, 2]
