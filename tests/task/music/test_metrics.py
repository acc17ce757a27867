"""Metrics of notes and frames are those of all frames together."""

import math

import pytest
import torch

from throughtime.data.batch import Batch, Chunk
from throughtime.task.music.metrics import FirstFrames, NoteCounts


def test_each_metric_is_its_fraction_of_counts() -> None:
    counts = NoteCounts()
    predicted = torch.tensor([[1.0, 1, 0, 0], [0, 1, 1, 1]])
    targets = torch.tensor([[1.0, 0, 1, 0], [0, 1, 1, 0]])
    counts.update(predicted, targets)
    assert counts.counts.tolist() == [3, 2, 1]
    assert counts.values() == {
        "frame_accuracy": 3 / 6,
        "precision": 3 / 5,
        "recall": 3 / 4,
        "f1": pytest.approx(2 * (3 / 5) * (3 / 4) / (3 / 5 + 3 / 4)),
    }


def test_frames_in_padding_do_not_count_and_batches_add_up() -> None:
    predicted, targets = ((torch.rand(9, 4, 5) < 0.5).float() for _ in range(2))
    mask = torch.rand(9, 4) < 0.7
    whole, parts = NoteCounts(), NoteCounts()
    whole.update(predicted[mask], targets[mask])
    for step in range(9):
        parts.update(predicted[step], targets[step], mask[step])
    assert torch.equal(whole.counts, parts.counts)
    assert whole.over_all_ranks().values() == parts.values()


def test_a_fraction_of_nothing_is_0() -> None:
    assert set(NoteCounts().values().values()) == {0.0}


def a_batch(fresh: bool, marked: bool) -> Batch:
    """Three lanes of 5, 4 and 0 steps; where `marked`, new pieces begin at step 2 of all lanes."""
    resets = torch.zeros(5, 3, dtype=torch.bool)
    resets[2] = True
    chunk = Chunk(torch.rand(5, 3, 4), torch.tensor([5, 4, 0]), resets if marked else None, fresh)
    return Batch(chunk, torch.rand(5, 3, 4).round())


def test_a_piece_begins_in_a_fresh_chunk_and_at_a_reset() -> None:
    for fresh in (True, False):
        for marked in (True, False):
            first = FirstFrames.of(a_batch(fresh, marked))
            expected = torch.zeros(5, 3, dtype=torch.bool)
            expected[0, :2], expected[2, :2] = fresh, marked
            assert torch.equal(first, expected)


def test_the_mean_of_the_later_frames_does_not_depend_on_how_lanes_are_shared() -> None:
    """Shards of more ranks than lanes, of which one has nothing that counts."""
    losses = torch.rand(5, 3).double()
    batch = a_batch(fresh=True, marked=True)
    mask, first = batch.target_mask(), FirstFrames.of(batch)
    found = FirstFrames()
    for rank in range(4):
        shard = batch.shard(rank, 4)
        own = losses[:, rank : rank + 1] if rank < 3 else losses[:, :1]
        found.update(shard.count(), -own[FirstFrames.of(shard)])
    mean = float(losses[mask].mean())
    assert found.over_all_ranks().mean_of_others(mean) == pytest.approx(float(losses[mask & ~first].mean()))


def test_the_mean_of_no_later_frame_is_not_a_number() -> None:
    found = FirstFrames()
    found.update(2, torch.tensor([-3.0, -4.0]))
    assert math.isnan(found.mean_of_others(3.5))
