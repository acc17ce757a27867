"""Every sequence once an epoch, with others of about its length, in an order of seed and epoch alone."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughtime.data.buckets import LengthBuckets
from throughtime.errors import UserError

LENGTHS = np.random.default_rng(0).integers(1, 60, 1000)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=300), st.integers(1, 20), st.booleans())
def test_every_sequence_is_in_one_batch_of_each_epoch(lengths, batch_size, shuffle):
    buckets = LengthBuckets(np.array(lengths), batch_size, shuffle)
    for _ in range(2):
        batches = list(buckets)
        assert len(batches) == len(buckets)
        assert sorted(itertools.chain(*batches)) == list(range(len(lengths)))
        assert max(len(batch) for batch in batches) <= batch_size


def test_little_of_a_batch_is_padding():
    batches = list(LengthBuckets(LENGTHS, 16))
    padded = sum(LENGTHS[batch].max() * len(batch) for batch in batches)
    assert LENGTHS.sum() / padded > 0.9


def test_the_order_is_a_function_of_seed_and_epoch():
    def epochs(seed):
        buckets = LengthBuckets(LENGTHS, 16, seed=seed)
        return [np.concatenate(list(buckets)) for _ in range(2)]

    first, second = epochs(1)
    assert all(np.array_equal(one, other) for one, other in zip((first, second), epochs(1), strict=True))
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, epochs(2)[0])


@pytest.mark.parametrize("taken", [0, 1, 40, 63])
def test_a_loaded_position_goes_on_in_the_same_epoch(taken):
    whole, stopped, resumed = (LengthBuckets(LENGTHS, 16) for _ in range(3))
    list(stopped)
    expected = [*whole, *whole][63 + taken :]
    list(itertools.islice(stopped, taken))
    resumed.load_state_dict(stopped.state_dict())
    rest = list(resumed) if taken < 63 else []
    assert all(np.array_equal(one, other) for one, other in zip(expected, rest, strict=True))


def test_another_number_of_batches_is_refused():
    with pytest.raises(UserError, match=r"data\.batch_size"):
        LengthBuckets(LENGTHS, 8).load_state_dict(LengthBuckets(LENGTHS, 16).state_dict())


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=60),
    st.integers(1, 5),
    st.integers(1, 20),
    st.booleans(),
)
def test_long_sequences_are_cut_into_chunks_that_follow_each_other(
    lengths, batch_size, chunk_length, shuffle
):
    lengths = np.array(lengths)
    buckets = LengthBuckets(lengths, batch_size, shuffle, chunk_length=chunk_length)
    batches = list(buckets.chunks())
    assert len(batches) == len(buckets)
    covered = np.zeros_like(lengths)
    for place, (numbers, chunk) in enumerate(batches):
        assert 0 < len(numbers) <= batch_size
        if chunk > 0:
            assert batches[place - 1][1] == chunk - 1
            assert (batches[place - 1][0] == numbers).all()
        assert (lengths[numbers] > chunk * chunk_length).all()
        covered[numbers] += np.minimum(lengths[numbers] - chunk * chunk_length, chunk_length)
    assert (covered == lengths).all()


def test_the_order_of_short_sequences_does_not_depend_on_the_limit():
    without, limited = LengthBuckets(LENGTHS, 16), LengthBuckets(LENGTHS, 16, chunk_length=int(LENGTHS.max()))
    for _ in range(2):
        for numbers, (others, chunk) in zip(without, limited.chunks(), strict=True):
            assert (numbers == others).all()
            assert chunk == 0
