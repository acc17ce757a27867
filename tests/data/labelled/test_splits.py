"""Splits: every sequence once, each class in every part, no group in two, and no label that training lacks."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_sequences import toy_set

from throughtime.data.labelled.splits import split_sequences
from throughtime.errors import UserError

FRACTIONS = (0.7, 0.1, 0.2)


def partition(parts):
    return sorted(int(number) for numbers in parts.values() for number in numbers)


@settings(deadline=None)
@given(st.integers(30, 200), st.integers(2, 6), st.integers(0, 5))
def test_a_split_is_a_partition_with_about_the_same_share_of_each_class(count, classes, seed):
    found = toy_set(count, classes)
    parts = split_sequences(found, FRACTIONS, seed=seed)
    assert partition(parts) == list(range(count))
    whole = Counter(found.labels)
    for name, fraction in zip(("train", "val", "test"), FRACTIONS, strict=True):
        own = Counter(found.labels[number] for number in parts[name])
        for label, total in whole.items():
            assert own[label] >= 1
            assert abs(own[label] - fraction * total) <= 1 + (fraction * total < 1) + (total < 10)


def test_the_split_follows_from_its_seed_alone():
    found = toy_set(100)
    one, other, third = (split_sequences(found, FRACTIONS, seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(one[name], other[name]) for name in one)
    assert not np.array_equal(one["test"], third["test"])


@settings(deadline=None)
@given(st.integers(2, 6), st.booleans())
def test_the_folds_test_every_sequence_once(folds, by_group):
    found = toy_set(90, groups=[str(number // 5) for number in range(90)])
    tested = []
    for fold in range(folds):
        parts = split_sequences(found, FRACTIONS, by_group, folds, fold)
        assert partition(parts) == list(range(90))
        tested.extend(parts["test"].tolist())
        if not by_group:
            assert abs(len(parts["test"]) - 90 / folds) <= 1
    assert sorted(tested) == list(range(90))


@settings(deadline=None)
@given(st.lists(st.integers(0, 11), min_size=60, max_size=120), st.integers(0, 3))
def test_no_group_is_in_two_parts(numbers, seed):
    count = len(numbers)
    groups = [f"g{number}" for number in numbers[:-6]] + ["a", "b", "c", "d", "e", "f"]
    found = toy_set(count, classes=2, groups=groups, labels=[f"c{n % 2}" for n in range(count)])
    parts = split_sequences(found, FRACTIONS, by_group=True, seed=seed)
    assert partition(parts) == list(range(count))
    sides = [{groups[number] for number in parts[name]} for name in ("train", "val", "test")]
    assert all(sides) and not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


def test_a_usual_split_stays_and_lends_validation_from_training():
    usual = ["train"] * 60 + ["test"] * 30
    parts = split_sequences(toy_set(90, split=usual), FRACTIONS)
    assert parts["test"].tolist() == list(range(60, 90))
    assert len(parts["val"]) == pytest.approx(60 * 0.1 / 0.8, abs=2)
    assert partition(parts) == list(range(90))


@pytest.mark.parametrize(
    ("changes", "settings", "message"),
    [
        ({"labels": ["a"] * 59 + ["b"]}, {}, "the class b has 1 sequence, too few for 3 parts"),
        (
            {"labels": ["a"] * 57 + ["b"] * 3},
            {"folds": 5},
            "the class b has 3 sequences, too few for 5 parts",
        ),
        ({}, {"by_group": True}, r"data\.group: these data do not say"),
        ({"groups": ["x", "y"] * 30}, {"by_group": True}, "2 groups, too few for 3 parts"),
        ({}, {"folds": 5, "fold": 5}, r"data\.fold=5 of data\.folds=5"),
        (
            {"labels": ["a"] * 30 + ["b"] * 30, "split": ["train"] * 30 + ["test"] * 30},
            {},
            "file:31: the label b is in the test part but on no training sequence",
        ),
    ],
)
def test_parts_that_cannot_be_made_are_refused(changes, settings, message):
    with pytest.raises(UserError, match=message):
        split_sequences(toy_set(60, **changes), FRACTIONS, **settings)


def test_rare_combinations_of_labels_are_split_all_the_same():
    labels = [("a",), ("b",), ("a", "b")] * 19 + [("a", "c"), ("c",), ("b", "c")]
    parts = split_sequences(toy_set(60, labels=labels), (0.8, 0.0, 0.2))
    assert partition(parts) == list(range(60)) and list(parts) == ["train", "test"]


def usual(seed=0, train=30, test=50):
    labels = np.random.default_rng(seed).choice(["a", "b", "c"], train + test, p=[0.5, 0.3, 0.2]).tolist()
    labels[:3] = labels[train : train + 3] = ["a", "b", "c"]
    return toy_set(train + test, labels=labels, split=["train"] * train + ["test"] * test)


@pytest.mark.parametrize("resample", [1, 7, 29])
def test_a_resample_keeps_the_size_and_the_classes_of_each_part(resample):
    found = usual()
    given, drawn = (split_sequences(found, (1.0, 0.0, 0.0), resample=number) for number in (0, resample))
    for part in ("train", "test"):
        classes = [sorted(found.labels[number] for number in parts[part]) for parts in (given, drawn)]
        assert classes[0] == classes[1]
        assert drawn[part].tolist() != given[part].tolist()
    assert sorted(np.concatenate(list(drawn.values()))) == list(range(80))


def test_resamples_are_those_of_sktime():
    sampling = pytest.importorskip("sktime.utils.sampling")
    found = usual(4)
    rows = pd.DataFrame({"number": range(80)})
    labels = np.array(found.labels)
    drawn, _, rest, _ = sampling.stratified_resample(rows[:30], labels[:30], rows[30:], labels[30:], 5)
    parts = split_sequences(found, (1.0, 0.0, 0.0), resample=5)
    assert sorted(drawn["number"]) == parts["train"].tolist()
    assert sorted(rest["number"]) == parts["test"].tolist()


def test_resamples_need_a_usual_split():
    with pytest.raises(UserError, match=r"data\.resample=3 needs data with a usual split"):
        split_sequences(toy_set(), (0.7, 0.1, 0.2), resample=3)
    with pytest.raises(UserError, match=r"data\.resample=-1 must be a number from 0"):
        split_sequences(usual(), (0.7, 0.1, 0.2), resample=-1)
