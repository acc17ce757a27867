"""Batches hold every sequence once with its target, whole or in chunks, and go on where they stopped."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_sequences import toy_set

from throughtime.data.labelled.batches import LabelledBatches
from throughtime.data.labelled.sequences import Augmentation
from throughtime.data.labelled.standardise import Standardiser
from throughtime.errors import UserError

PLAIN = Standardiser("none")


class Noise(Augmentation):
    """Adds a random number to all features."""

    def __call__(self, sequence, generator):
        return sequence + np.float32(generator.normal())


class Shorter(Augmentation):
    """Leaves out the last step."""

    def __call__(self, sequence, generator):
        return sequence[:-1] if len(sequence) > 1 else np.concatenate([sequence, sequence])


def batches_of(count=40, **settings):
    found = toy_set(count)
    return found, LabelledBatches(found.sequences, np.arange(count), PLAIN, **({"batch_size": 4} | settings))


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 7), st.one_of(st.none(), st.integers(1, 10)))
def test_each_sequence_comes_back_once_with_its_target(count, batch_size, chunk_length):
    found, batches = batches_of(count, batch_size=batch_size, chunk_length=chunk_length)
    parts: dict[int, list[np.ndarray]] = {}
    counted = []
    lanes = None
    for batch in batches:
        assert batch.lane_axis == 0
        lanes = batch.targets.tolist() if batch.fresh else lanes
        assert batch.targets.tolist() == lanes
        lengths = batch.lengths if batch.lengths is not None else [batch.chunk.steps] * len(lanes)
        for lane, (number, length) in enumerate(zip(lanes, lengths, strict=True)):
            parts.setdefault(number, []).append(batch.inputs[:length, lane].numpy())
            assert not batch.inputs[length:, lane].any()
        mask = batch.target_mask()
        counted += [n for n, c in zip(lanes, [True] * len(lanes) if mask is None else mask, strict=True) if c]
        if mask is not None:  # the target counts where its sequence has come to its end
            for number, counts in zip(lanes, mask.tolist(), strict=True):
                assert counts == (sum(map(len, parts[number])) == len(found.sequences[number]))
    assert sorted(counted) == list(range(count))
    for number, sequence in enumerate(found.sequences):
        np.testing.assert_array_equal(np.concatenate(parts[number]), sequence)


def test_lengths_are_left_out_where_all_lanes_are_full():
    found = toy_set(8, sequences=[np.ones((5, 2), np.float32)] * 8)
    (batch,) = LabelledBatches(found.sequences, np.arange(8), PLAIN, 8)
    assert batch.lengths is None and batch.mask is None


def test_several_labels_count_once_a_sequence():
    found = toy_set(6)
    marks = np.eye(6, 3, dtype=np.float32)
    (batch,) = LabelledBatches(found.sequences, marks, PLAIN, 6)
    assert batch.targets.shape == (6, 3) and batch.count() == 6


@pytest.mark.parametrize("chunk_length", [None, 3])
@pytest.mark.parametrize("taken", [1, 5])
def test_a_loaded_position_goes_on_with_the_same_augmented_batches(taken, chunk_length):
    settings = {"chunk_length": chunk_length, "augmentation": Noise()}
    whole, stopped, resumed = (batches_of(**settings)[1] for _ in range(3))
    iterator = iter(stopped)
    for _ in range(taken):
        next(iterator)
    resumed.load_state_dict(stopped.state_dict())
    for expected, batch in zip(list(whole)[taken:], resumed, strict=True):
        assert torch.equal(expected.inputs, batch.inputs) and torch.equal(expected.targets, batch.targets)


def test_augmentation_differs_between_epochs_and_not_between_chunks():
    found, batches = batches_of(augmentation=Noise(), chunk_length=2)
    first, second = list(batches), list(batches)
    shifts = {}
    for batch in first:
        lanes = batch.targets.tolist()
        start = 0 if batch.fresh else start + 2
        for lane, number in enumerate(lanes):
            shift = float(batch.inputs[0, lane, 0] - found.sequences[number][start, 0])
            assert shifts.setdefault(number, shift) == pytest.approx(shift, abs=1e-5)
    assert len({round(shift, 5) for shift in shifts.values()}) == 40
    assert sum(float(one.inputs.sum()) for one in first) != sum(float(one.inputs.sum()) for one in second)


def test_an_augmentation_that_changes_lengths_needs_whole_sequences():
    found, batches = batches_of(augmentation=Shorter())
    lengths = {}
    for batch in batches:
        given = batch.lengths if batch.lengths is not None else [batch.chunk.steps] * len(batch.targets)
        lengths |= dict(zip(batch.targets.tolist(), map(int, given), strict=True))
    assert all(lengths[n] == (len(s) - 1 or 2) for n, s in enumerate(found.sequences) if len(s) > 1)
    with pytest.raises(UserError, match=r"data\.chunk_length"):
        list(batches_of(augmentation=Shorter(), chunk_length=3)[1])
