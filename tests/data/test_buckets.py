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
