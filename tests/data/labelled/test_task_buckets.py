"""Batches of one task each: every sequence is read, those of small tasks as often as asked, and epochs resume."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.data.labelled.task_buckets import TaskBuckets
from throughtime.errors import UserError

SIZES = (100, 30, 4)
TASKS = np.repeat(np.arange(3), SIZES)
LENGTHS = np.random.default_rng(0).integers(1, 12, len(TASKS))


def buckets_of(**settings):
    return TaskBuckets(LENGTHS, TASKS, **({"batch_size": 4} | settings))


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from(["equal", "proportional"]),
    st.booleans(),
    st.integers(1, 9),
    st.one_of(st.none(), st.integers(1, 6)),
)
def test_a_batch_has_one_task_and_all_sequences_of_a_task_are_read_equally_often(
    sampling, shuffle, batch_size, chunk_length
):
    buckets = buckets_of(sampling=sampling, shuffle=shuffle, batch_size=batch_size, chunk_length=chunk_length)
    read = Counter()
    batches = list(buckets.chunks())
    for numbers, chunk in batches:
        assert len(set(TASKS[numbers].tolist())) == 1
        read.update(numbers.tolist() if chunk == 0 else [])
    assert len(batches) == len(buckets)
    for task in range(3):
        times = {read[number] for number in np.flatnonzero(task == TASKS).tolist()}
        assert len(times) == 1 and min(times) >= 1
        if sampling == "proportional" or not shuffle:
            assert times == {1}


def test_equal_sampling_gives_each_task_about_as_many_batches():
    tasks = Counter(int(TASKS[numbers[0]]) for numbers in buckets_of(sampling="equal"))
    assert tasks == {0: 25, 1: 24, 2: 25}
    tasks = Counter(int(TASKS[numbers[0]]) for numbers in buckets_of(sampling="proportional"))
    assert tasks == {0: 25, 1: 8, 2: 1}


def test_chunks_of_the_same_sequences_follow_each_other():
    before = None
    for numbers, chunk in buckets_of(chunk_length=3).chunks():
        if chunk:
            assert before is not None and np.array_equal(before[0], numbers) and before[1] == chunk - 1
        before = numbers, chunk


def test_a_resumed_epoch_goes_on_with_the_next_batch_and_later_epochs_agree():
    whole = buckets_of(seed=3)
    expected = [numbers.tolist() for _ in range(3) for numbers in whole]
    stopped, got = buckets_of(seed=3), []
    first = iter(stopped)
    got += [next(first).tolist() for _ in range(10)]
    resumed = buckets_of(seed=3)
    resumed.load_state_dict(stopped.state_dict())
    got += [numbers.tolist() for _ in range(3) for numbers in resumed]
    assert got == expected
    assert expected[: len(whole)] != expected[len(whole) : 2 * len(whole)]
    assert [numbers.tolist() for numbers in buckets_of(seed=4)] != expected[: len(whole)]


def test_an_unknown_sampling_is_refused():
    with pytest.raises(UserError, match=r"data\.sampling=fair is not known"):
        buckets_of(sampling="fair")
