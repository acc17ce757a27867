"""Recordings in padded batches."""

import numpy as np
import torch

from throughtime.data.frames.batches import FrameBatches

SEQUENCES = [np.full((length, 2), length, np.float32) for length in (3, 9, 4, 1)]
TARGETS = [np.arange(len(sequence)) for sequence in SEQUENCES]


def test_every_frame_comes_once_an_epoch_with_its_target():
    batches = FrameBatches(SEQUENCES, TARGETS, 2, shuffle=True)
    seen = []
    for batch in batches:
        for lane, length in enumerate(batch.lengths.tolist()):
            assert (batch.inputs[:length, lane] == length).all() and (batch.inputs[length:, lane] == 0).all()
            assert batch.targets[:length, lane].tolist() == list(range(length))
            seen.append(length)
        assert int(batch.target_mask().sum()) == int(batch.lengths.sum())
    assert sorted(seen) == [1, 3, 4, 9] and len(batches) == 2


def test_it_continues_where_it_stopped():
    one, other = (FrameBatches(SEQUENCES, TARGETS, 1, shuffle=True, seed=3) for _ in range(2))
    whole = [batch.inputs for batch in one] + [batch.inputs for batch in one]
    steps = iter(other)
    next(steps)
    third = FrameBatches(SEQUENCES, TARGETS, 1, shuffle=True, seed=3)
    third.load_state_dict(other.state_dict())
    rest = [batch.inputs for batch in third] + [batch.inputs for batch in third]
    assert all(torch.equal(a, b) for a, b in zip(whole[1:], rest, strict=True))


def test_without_targets_there_are_none():
    assert FrameBatches(SEQUENCES, None, 4).batch(np.array([0, 1])).targets is None


def test_chunks_follow_each_other_in_the_same_lanes():
    batches = list(FrameBatches(SEQUENCES, TARGETS, 2, shuffle=True, chunk_length=3))
    assert all(batch.chunk.steps <= 3 for batch in batches)
    whole: list[list[int]] = []
    for batch in batches:
        if batch.chunk.fresh:
            lanes = [[] for _ in range(batch.chunk.batch_size)]
            whole += lanes
        for lane, length in enumerate(batch.lengths.tolist()):
            lanes[lane] += batch.targets[:length, lane].tolist()
    assert sorted(whole, key=len) == [list(range(length)) for length in (1, 3, 4, 9)]
