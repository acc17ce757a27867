"""Standardised features have mean 0 and deviation 1, over what they are to; constants and ids stay what they are."""

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


def test_the_sequences_of_a_group_together():
    raw = toy_set().sequences
    groups = [("ann", "bob", "cyd")[number % 3] for number in range(60)]
    # Another level and another spread of a whole group, as of another microphone, change nothing.
    heard = [
        sequence * 4 - 7 if group == "bob" else sequence for sequence, group in zip(raw, groups, strict=True)
    ]
    kind = Standardiser.fit("group", raw)
    found = [kind.standardised(read, groups) for read in (raw, heard)]
    for group in set(groups):
        own = np.concatenate([one for one, name in zip(found[0], groups, strict=True) if name == group])
        np.testing.assert_allclose(own.mean(0), 0, atol=1e-5)
        np.testing.assert_allclose(own.std(0), 1, atol=1e-5)
    np.testing.assert_allclose(np.concatenate(found[0]), np.concatenate(found[1]), atol=1e-5)


def test_without_groups_all_sequences_are_one_and_other_kinds_have_one_standardiser():
    sequences = toy_set().sequences
    fitted = Standardiser.fit("channel", sequences)
    for own in Standardiser("group").of_groups(sequences):
        np.testing.assert_array_equal(own(sequences[3]), fitted(sequences[3]))
    groups = [str(number) for number in range(60)]
    assert all(own is fitted for own in fitted.of_groups(sequences, groups))


def test_a_group_has_no_numbers_before_its_sequences_are_known():
    with pytest.raises(ValueError, match="of_groups"):
        Standardiser("group")(toy_set().sequences[0])


def test_the_state_makes_it_again():
    sequences = toy_set().sequences
    for kind in ("channel", "sequence", "group", "none"):
        own = Standardiser.fit(kind, sequences)
        again = Standardiser.from_state(own.state())
        found = [one.of_groups(sequences)[3](sequences[3]) for one in (own, again)]
        np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("kind", ["channel", "group"])
def test_ids_stay_ids(kind):
    ids = np.array([3, 1, 2], dtype=np.int32)
    found = Standardiser.fit(kind, [ids]).of_groups([ids])[0](ids)
    assert found.dtype == np.int64 and found.tolist() == [3, 1, 2]


def test_an_unknown_kind_is_refused():
    with pytest.raises(UserError, match=r"data\.standardise=norm"):
        Standardiser.fit("norm", toy_set().sequences)
