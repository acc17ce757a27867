"""Sets of labelled sequences are checked, joined, and say what is wrong with which sequence."""

import re

import numpy as np
import pytest
from toy_sequences import toy_set

from throughtime.data.labelled.sequences import joined
from throughtime.errors import UserError


def test_a_number_that_is_not_finite_is_named_by_sequence_step_and_channel():
    found = toy_set()
    long = next(number for number, sequence in enumerate(found.sequences) if len(sequence) > 3)
    found.sequences[long][2, 1] = np.nan
    with pytest.raises(UserError, match=re.escape(f"file:{long + 1}: x1 at step 3 is nan")):
        found.check()


def test_a_sequence_without_steps_is_named():
    found = toy_set()
    found.sequences[4] = found.sequences[4][:0]
    with pytest.raises(UserError, match="file:5 has no step"):
        found.check()


def test_two_sequences_of_one_name_are_refused():
    found = toy_set()
    found.names[7] = found.names[3]
    with pytest.raises(UserError, match="two sequences are named file:4"):
        found.check()


def test_no_sequence_is_an_error():
    with pytest.raises(UserError, match="toy sequences hold no sequence"):
        toy_set(count=0).check()


def test_joined_sets_keep_order_and_know_groups_only_where_all_do():
    first, second = toy_set(5, groups=list("aabbc")), toy_set(4, seed=1)
    both = joined([first, second])
    assert both.names == first.names + second.names
    assert both.labels == first.labels + second.labels
    assert both.groups is None
    assert joined([first, first]).groups == list("aabbcaabbc")


def test_sets_of_other_features_are_not_joined():
    with pytest.raises(UserError, match="other channels"):
        joined([toy_set(5), toy_set(5, features=3)])
