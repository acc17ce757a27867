"""Lanes of pieces: every frame is a target once an epoch, after the frames of its own piece alone."""

import numpy as np
import pytest
import torch

from throughtime.data.music.lanes import PieceLanes
from throughtime.data.music.piano_roll import notes_of, possible_shifts, transposed


def toy_rolls(count: int) -> list[np.ndarray]:
    """Rolls with a note of their own in every frame."""
    generator = np.random.default_rng(0)
    rolls = []
    for number, length in enumerate(generator.integers(3, 12, count)):
        roll = np.zeros((length, 88), dtype=np.uint8)
        roll[:, 40:60] = generator.random((length, 20)) < 0.2
        roll[:, 20 + number] = 1
        rolls.append(roll)
    return rolls


def epoch_of(lanes: PieceLanes) -> list[tuple[np.ndarray, np.ndarray]]:
    """Inputs and targets of each lane, checked against its reset marks."""
    parts: dict[int, list] = {}
    for number, batch in enumerate(lanes):
        assert batch.fresh == (number == 0) and batch.count() == int(batch.lengths.sum())
        for lane, length in enumerate(batch.lengths.tolist()):
            inputs, targets = batch.inputs[:length, lane], batch.targets[:length, lane]
            if batch.resets is not None:
                assert not inputs[batch.resets[:length, lane]].any()  # silence before a piece
            parts.setdefault(lane, []).append((inputs.numpy(), targets.numpy()))
    return [tuple(map(np.concatenate, zip(*part, strict=True))) for part in parts.values()]


@pytest.mark.parametrize(("batch_size", "chunk_length"), [(1, 100), (3, 5), (4, 7)])
def test_every_frame_is_a_target_once_after_the_frame_before_it(batch_size: int, chunk_length: int) -> None:
    rolls = toy_rolls(9)
    lanes = epoch_of(PieceLanes(rolls, batch_size, chunk_length))
    targets = np.concatenate([targets for _, targets in lanes])
    inputs = np.concatenate([inputs for inputs, _ in lanes])
    for number, roll in enumerate(rolls):
        place = np.flatnonzero(targets[:, 20 + number])
        np.testing.assert_array_equal(targets[place], roll)
        np.testing.assert_array_equal(inputs[place][1:], roll[:-1])
        assert not inputs[place][0].any()
    assert len(targets) == sum(map(len, rolls))


def test_orders_and_transpositions_are_new_in_each_epoch_and_the_same_for_a_seed() -> None:
    rolls = toy_rolls(1)
    lanes, again = (PieceLanes(rolls, 1, 100, seed=3, transpose=5) for _ in range(2))
    shifts = set()
    for _ in range(12):
        ((_, found),), ((_, other),) = epoch_of(lanes), epoch_of(again)
        np.testing.assert_array_equal(found, other)
        shift = notes_of(found.astype(np.uint8))[0].pitch - notes_of(rolls[0])[0].pitch
        assert shift in possible_shifts(rolls[0], 5)
        np.testing.assert_array_equal(found, transposed(rolls[0], shift))
        shifts.add(shift)
    assert len(shifts) > 4
    many = PieceLanes(toy_rolls(9), 2, 4, seed=3)
    first, second = (np.concatenate([targets for _, targets in epoch_of(many)]) for _ in range(2))
    assert not np.array_equal(first, second) and np.array_equal(first.sum(0), second.sum(0))


def test_a_resumed_loader_goes_on_where_the_other_stopped() -> None:
    whole, resumed = (PieceLanes(toy_rolls(9), 2, 4, seed=3, transpose=2) for _ in range(2))
    list(whole)
    second = []
    for number, batch in enumerate(whole):
        second.append(batch)
        if number == 2:
            state = whole.state_dict()
    resumed.load_state_dict(state)
    rest = list(resumed)
    assert len(rest) == len(second) - 3
    assert all(torch.equal(one.targets, other.targets) for one, other in zip(rest, second[3:], strict=True))
