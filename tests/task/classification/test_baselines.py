"""Baselines read the same features and are measured on the same sequences; without flat features there are none."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from toy_sequences import toy_set

from throughtime.data.labelled.standardise import Standardiser
from throughtime.task.classification import baselines
from throughtime.task.classification.baselines import compare, table


def part(count, seed, **changes):
    """Two classes that the first feature tells apart."""
    generator = np.random.default_rng(seed)
    labels = [f"c{number % 2}" for number in range(count)]
    sequences = [(generator.normal(size=(4, 2)) + 8 * (label == "c1")).astype(np.float32) for label in labels]
    return toy_set(count, sequences=sequences, labels=labels, **changes)


def task(multilabel=False, train=None):
    return SimpleNamespace(
        multilabel=multilabel,
        labels=["c0", "c1"],
        standardiser=Standardiser.fit("channel", (train or part(30, 0)).sequences),
    )


def test_both_tell_classes_apart_that_are_far_apart():
    measured, sentence = compare(part(30, 0), part(20, 1), task())
    assert list(measured) == ["logistic regression", "1-nearest neighbour"] and sentence == ""
    assert [metrics.values()["accuracy"] for metrics in measured.values()] == [1.0, 1.0]


def test_ids_are_compared_by_their_places():
    def ids(seed):
        generator = np.random.default_rng(seed)
        labels = [f"c{number % 2}" for number in range(30)]
        rows = [np.append(generator.integers(0, 3, 4), int(label == "c1")) for label in labels]
        return toy_set(30, sequences=rows, labels=labels, symbols=("A", "C", "G"), channels=())

    given = SimpleNamespace(multilabel=False, labels=["c0", "c1"], standardiser=Standardiser("none"))
    measured, _ = compare(ids(0), ids(1), given)
    assert measured["logistic regression"].values()["accuracy"] == 1.0


def test_there_are_none_for_sequences_of_different_lengths_or_several_labels():
    assert "different lengths" in compare(toy_set(), toy_set(), task())[1]
    assert "one class a sequence" in compare(part(30, 0), part(20, 1), task(multilabel=True))[1]


def test_too_many_numbers_are_left_out_with_a_sentence(monkeypatch):
    monkeypatch.setattr(baselines, "LARGEST_REGRESSION", 10)
    measured, sentence = compare(part(30, 0), part(20, 1), task())
    assert list(measured) == ["1-nearest neighbour"]
    assert sentence == "not computed on this many numbers: logistic regression"


def test_the_table_has_a_line_for_each():
    measured, _ = compare(part(30, 0), part(20, 1), task())
    lines = table({"this model": measured["1-nearest neighbour"], **measured}, "test").splitlines()
    assert len(lines) == 4 and max(map(len, lines)) <= 80
    assert lines[1].startswith("this model") and "100.00%" in lines[1]


def test_series_are_compared_by_warping_whatever_their_lengths():
    def parts(lengths):
        rows = [part(30, 0), part(20, 1)]
        return [
            replace(
                one,
                sequences=[sequence[: lengths[number % 2]] for number, sequence in enumerate(one.sequences)],
            )
            for one in rows
        ]

    train, test = parts((4, 3))
    measured, sentence = compare(train, test, task(), (train.sequences, test.sequences))
    assert list(measured) == ["1-NN DTW"] and "no 1-nearest neighbour" in sentence
    assert measured["1-NN DTW"].values()["accuracy"] == 1.0
    train, test = parts((4, 4))
    measured, sentence = compare(train, test, task(), (train.sequences, test.sequences))
    assert list(measured)[2:] == ["1-NN DTW, 10% window"] and sentence == ""


def test_too_much_warping_is_left_out(monkeypatch):
    monkeypatch.setattr(baselines, "LARGEST_WARPING", 10)
    train, test = part(30, 0), part(20, 1)
    measured, sentence = compare(train, test, task(), (train.sequences, test.sequences))
    assert len(measured) == 2 and "1-NN DTW, 10% window" in sentence
