"""Written words: no word and no hand in two parts, and the same ink for the same arguments."""

import itertools

import numpy as np
import pytest

from throughtime.data.strokes import WrittenWords
from throughtime.errors import UserError

SPLITS = ("train", "val", "test")


@pytest.fixture(scope="module")
def inks():
    source = WrittenWords(train=300, val=60, test=60, hands=30)
    return {split: source.inks(split) for split in SPLITS}


@pytest.mark.parametrize("fact", ["label", "writer"])
def test_no_word_and_no_hand_is_in_two_parts(inks, fact):
    found = {split: {ink.facts[fact] for ink in inks[split]} for split in SPLITS}
    assert all(len(values) > 2 for values in found.values())
    for one, other in itertools.combinations(SPLITS, 2):
        assert not found[one] & found[other]


def test_every_word_belongs_to_a_part():
    source = WrittenWords(longest=6)
    parts = [source.words(split) for split in SPLITS]
    assert all(word.isascii() and word.islower() and 2 <= len(word) <= 6 for part in parts for word in part)
    assert len(set().union(*parts)) == sum(map(len, parts)) > 800
    assert len(parts[1]) == len(parts[2]) < len(parts[0]) / 7


def test_the_arguments_alone_decide(inks):
    again = WrittenWords(**WrittenWords(train=300, val=60, test=60, hands=30).state()).inks("val")
    for one, other in zip(inks["val"], again, strict=True):
        assert one.facts == other.facts and one.name == other.name
        np.testing.assert_array_equal(np.concatenate(one.strokes), np.concatenate(other.strokes))
    another = WrittenWords(train=300, val=60, test=60, hands=30, word_seed=2).inks("val")
    assert [ink.facts["label"] for ink in another] != [ink.facts["label"] for ink in again]


def test_more_inks_leave_the_first_ones_as_they_are(inks):
    more = WrittenWords(train=300, val=90, test=60, hands=30).inks("val")
    assert len(more) == 90
    for one, other in zip(inks["val"], more[:60], strict=True):
        np.testing.assert_array_equal(one.strokes[0], other.strokes[0])


def test_two_inks_of_one_word_differ(inks):
    by_word = {}
    for ink in inks["train"]:
        by_word.setdefault(ink.facts["label"], []).append(ink)
    one, other = next(found for found in by_word.values() if len(found) > 1)[:2]
    assert not np.array_equal(one.strokes[0][:2], other.strokes[0][:2])


@pytest.mark.parametrize(
    "wrong", [{"train": 0}, {"hands": 9}, {"longest": 1}, {"fonts": ["gothic"]}, {"fonts": []}]
)
def test_arguments_out_of_range_are_refused(wrong):
    with pytest.raises(UserError, match=f"data.source.{next(iter(wrong))}"):
        WrittenWords(**wrong)
