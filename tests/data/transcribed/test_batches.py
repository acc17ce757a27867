"""Batches of transcribed sequences: ragged targets, padding, and the position in an epoch."""

import numpy as np
import torch

from throughtime.data.transcribed.batches import TranscribedBatches, padded_chunk

LENGTHS = [3, 5, 2, 4]
SYMBOLS = [[1], [2, 3, 1], [3, 3], [1, 2]]


def loaded(number, epoch):
    sequence = np.full((LENGTHS[number], 2), number + 1 + 10 * epoch, dtype=np.float32)
    return sequence, np.array(SYMBOLS[number], dtype=np.int64)


def batches(**arguments):
    return TranscribedBatches(np.array(LENGTHS), loaded, 2, **arguments)


def test_every_sequence_is_in_one_batch_with_its_transcript_and_zeros_after_it():
    found = set()
    for batch in batches():
        assert batch.lane_axis == 0 and batch.count() == int(batch.targets.counts.sum())
        for lane, number in enumerate(batch.targets.numbers.tolist()):
            count, length = len(SYMBOLS[number]), LENGTHS[number]
            assert batch.targets.symbols[lane, :count].tolist() == SYMBOLS[number]
            assert not batch.targets.symbols[lane, count:].any()
            assert batch.lengths[lane] == length and not batch.inputs[length:, lane].any()
            assert (batch.inputs[:length, lane] == number + 1).all()
            found.add(number)
    assert found == set(range(4))


def test_a_shard_takes_lanes_with_their_transcripts():
    batch = next(iter(batches()))
    parts = [batch.shard(rank, 3) for rank in range(3)]
    assert [part.targets.numbers.tolist() for part in parts[:2]] == [[2], [0]]
    assert sum(part.count() for part in parts) == batch.count() and parts[2].count() == 0
    assert torch.equal(parts[1].inputs, batch.inputs[:, 1:2])


def test_it_goes_on_where_it_stopped():
    loader = batches(shuffle=True)
    whole = [batch.inputs for _ in range(2) for batch in loader]
    loader = batches(shuffle=True)
    seen = [next(iter(loader)).inputs]
    again = batches(shuffle=True)
    again.load_state_dict(loader.state_dict())
    seen += [batch.inputs for batch in again] + [batch.inputs for batch in again]
    assert len(seen) == len(whole) == 4
    assert all(torch.equal(one, other) for one, other in zip(seen, whole, strict=True))


def test_padding_side_by_side():
    chunk = padded_chunk([np.ones((2, 3), np.float32), np.ones((4, 3), np.float32)])
    assert chunk.inputs.shape == (4, 2, 3) and chunk.inputs.sum((0, 2)).tolist() == [6, 12]
