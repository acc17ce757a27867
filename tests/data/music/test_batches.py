"""Batches of pieces: every frame is a target once, and depends on frames before it alone."""

import copy

import numpy as np
import pytest
import torch

from throughtime.data.music.batches import PieceBatches
from throughtime.data.music.piano_roll import notes_of, possible_shifts, transposed


def toy_rolls(count: int, shortest: int = 5, longest: int = 20) -> list[np.ndarray]:
    """Rolls with a few notes in the middle of the keys."""
    generator = np.random.default_rng(0)
    rolls = []
    for length in generator.integers(shortest, longest + 1, count):
        roll = np.zeros((length, 88), dtype=np.uint8)
        roll[:, 30:50] = generator.random((length, 20)) < 0.15
        roll[0, 40] = 1
        rolls.append(roll)
    return rolls


@pytest.mark.parametrize("chunk_length", [None, 6])
def test_every_frame_is_a_target_once_after_all_frames_before_it(chunk_length: int | None) -> None:
    rolls = toy_rolls(7)
    batches = PieceBatches(rolls, 3, chunk_length)
    order = list(PieceBatches(rolls, 3, chunk_length).buckets.chunks())
    targets: dict[int, list[np.ndarray]] = {number: [] for number in range(len(rolls))}
    inputs: dict[int, list[np.ndarray]] = {number: [] for number in range(len(rolls))}
    for (lanes, chunk), batch in zip(order, batches, strict=True):
        assert batch.fresh == (chunk == 0) and batch.lane_axis == 1
        assert batch.count() == int(batch.lengths.sum())  # frames, not their 88 numbers
        for place, lane in enumerate(lanes):
            length = int(batch.lengths[place])
            targets[int(lane)].append(batch.targets[:length, place].numpy())
            inputs[int(lane)].append(batch.inputs[:length, place].numpy())
            assert not batch.inputs[length + 1 :, place].any() and not batch.targets[length:, place].any()
    for number, roll in enumerate(rolls):
        np.testing.assert_array_equal(np.concatenate(targets[number]), roll)
        np.testing.assert_array_equal(np.concatenate(inputs[number])[1:], roll[:-1])
        assert not inputs[number][0][0].any()  # silence


def test_a_rank_takes_its_pieces_with_their_lengths() -> None:
    batch = PieceBatches(toy_rolls(3), 3).batch(np.array([0, 1, 2]))
    shards = [batch.shard(rank, 4) for rank in range(4)]
    assert [shard.count() for shard in shards] == [len(roll) for roll in toy_rolls(3)] + [0]


def test_a_piece_is_transposed_as_a_whole_anew_in_each_epoch() -> None:
    rolls = toy_rolls(4)
    batches = PieceBatches(rolls, 4, 6, shuffle=True, seed=3, transpose=5)
    shifts = set()
    for _ in range(6):
        pieces: dict[int, list[np.ndarray]] = {number: [] for number in range(4)}
        order = iter(batches)  # begins the epoch
        for lanes, chunk in batches.buckets._order(batches.buckets.position.epoch):
            batch = next(order)
            assert batch.fresh == (chunk == 0)
            for place, lane in enumerate(lanes):
                pieces[int(lane)].append(batch.targets[: int(batch.lengths[place]), place].numpy())
        for number, parts in pieces.items():
            roll = np.concatenate(parts).astype(np.uint8)
            shift = notes_of(roll)[0].pitch - notes_of(rolls[number])[0].pitch
            assert shift in possible_shifts(rolls[number], 5)
            np.testing.assert_array_equal(roll, transposed(rolls[number], shift))
            shifts.add(shift)
    assert len(shifts) > 5


def test_a_resumed_loader_goes_on_with_the_same_transpositions() -> None:
    def loader() -> PieceBatches:
        return PieceBatches(toy_rolls(9), 2, 6, shuffle=True, seed=3, transpose=5)

    whole = loader()
    first = list(whole)
    second = []
    for number, batch in enumerate(whole):
        second.append(batch)
        if number == 2:
            state = copy.deepcopy(whole.state_dict())
    resumed = loader()
    resumed.load_state_dict(state)
    rest = list(resumed)
    assert len(rest) == len(second) - 3
    assert all(torch.equal(one.targets, other.targets) for one, other in zip(rest, second[3:], strict=True))
    assert any(
        one.targets.shape != other.targets.shape or not torch.equal(one.targets, other.targets)
        for one, other in zip(first, second, strict=True)
    )
