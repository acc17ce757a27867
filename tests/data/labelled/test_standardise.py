"""Standardised features have mean 0 and deviation 1; constants and ids stay what they are."""

import numpy as np
import pytest
from toy_sequences import toy_set

from throughtime.data.labelled.standardise import Standardiser
from throughtime.errors import UserError


def test_channels_of_training_have_mean_0_and_deviation_1():
    sequences = [3 + 5 * sequence for sequence in toy_set().sequences]
    standardiser = Standardiser.fit("channel", sequences)
    values = np.concatenate([standardiser(sequence) for sequence in sequences])
    assert values.dtype == np.float32
    np.testing.assert_allclose(values.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(values.std(0), 1, atol=1e-5)


def test_each_sequence_by_itself():
    values = Standardiser.fit("sequence", [])(np.array([[1.0, 7.0], [3.0, 7.0]], dtype=np.float32))
    np.testing.assert_allclose(values, [[-1, 0], [1, 0]])


def test_the_state_makes_it_again():
    sequences = toy_set().sequences
    for kind in ("channel", "sequence", "none"):
        own = Standardiser.fit(kind, sequences)
        again = Standardiser.from_state(own.state())
        np.testing.assert_array_equal(own(sequences[3]), again(sequences[3]))


def test_ids_stay_ids():
    ids = np.array([3, 1, 2], dtype=np.int32)
    found = Standardiser.fit("channel", [ids])(ids)
    assert found.dtype == np.int64 and found.tolist() == [3, 1, 2]


def test_an_unknown_kind_is_refused():
    with pytest.raises(UserError, match=r"data\.standardise=norm"):
        Standardiser.fit("norm", toy_set().sequences)
