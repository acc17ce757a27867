"""Counts over batches, with scikit-learn as the other opinion on F1."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

from throughtime.task.tagging.metrics import TagMetrics

TAGS = ["N", "V", "op"]
TOKEN = st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 2), st.booleans())


def column(values, dtype=torch.int64):
    return torch.tensor(values, dtype=dtype)[:, None]


def measured(tokens, cuts=(), **options):
    """Token after token in one lane, in batches that end at the cuts."""
    measures = TagMetrics(TAGS, **options)
    ends = [0, *sorted(cut for cut in cuts if 0 < cut < len(tokens)), len(tokens)]
    for start, stop in itertools.pairwise(ends):
        if start < stop:
            expected, answered, usual, seen = zip(*tokens[start:stop], strict=True)
            parts = (column(expected), column(answered), column(usual), column(seen, torch.bool))
            measures.update(*parts, torch.tensor([stop - start]))
    return measures


@given(st.lists(TOKEN, min_size=1, max_size=30), st.lists(st.integers(1, 29), max_size=3))
def test_measures_are_those_of_scikit_learn_however_batches_are_cut(tokens, cuts):
    measures = measured(tokens, cuts)
    expected, answered, usual, _seen = zip(*tokens, strict=True)
    values = measures.values()
    assert values["accuracy"] == pytest.approx(accuracy_score(expected, answered))
    assert values["macro_f1"] == pytest.approx(f1_score(expected, answered, average="macro", zero_division=0))
    unseen = [pair[:2] for pair in tokens if not pair[3]]
    assert values.get("accuracy_unseen") == (
        pytest.approx(sum(a == b for a, b in unseen) / len(unseen)) if unseen else None
    )
    labels = list(range(len(TAGS)))
    rows = zip(
        *precision_recall_fscore_support(expected, answered, labels=labels, zero_division=0), strict=True
    )
    for row, (found, tokens_of) in zip(rows, measures.by_tag().values(), strict=True):
        assert (*found, tokens_of) == pytest.approx(row)
    baseline = dict((name, value) for name, _, value, _ in measures.against_baseline())
    assert baseline["accuracy"] == pytest.approx(accuracy_score(expected, usual))


def test_padding_is_not_counted():
    measures = TagMetrics(TAGS)
    ones, seen = torch.ones(3, 2, dtype=torch.int64), torch.zeros(3, 2, dtype=torch.bool)
    measures.update(ones, ones, ones, seen, torch.tensor([3, 1]))
    assert measures.confusion.sum() == measures.unseen.sum() == 4


def test_names_are_all_that_are_no_signs():
    tokens = [(0, 0, 1, True), (1, 0, 1, True), (2, 2, 2, True), (2, 2, 2, True), (3, 0, 0, True)]
    measures = measured(tokens, signs=["op"])
    assert measures.values()["accuracy_names"] == pytest.approx(1 / 3)
    assert ("accuracy_names", pytest.approx(1 / 3), pytest.approx(1 / 3), 3) in measures.against_baseline()


def test_an_unknown_tag_is_an_error_and_an_entity_that_is_never_found():
    measures = TagMetrics(["B-X", "I-X", "O"], entities=True)
    expected, answered = column([0, 1, 3, 3]), column([0, 1, 0, 1])
    measures.update(expected, answered, answered, column([True] * 4, torch.bool), torch.tensor([4]))
    values = measures.values()
    assert values["accuracy"] == 0.5
    assert (values["precision"], values["recall"]) == (0.5, 0.5)


@given(st.lists(TOKEN, min_size=2, max_size=30), st.integers(1, 29))
def test_counts_in_two_parts_add_up_to_those_of_the_whole(tokens, cut):
    cut = min(cut, len(tokens) - 1)
    together, whole = measured(tokens[:cut]) + measured(tokens[cut:]), measured(tokens)
    assert together.values() == whole.values() and together.by_tag() == whole.by_tag()
    assert together.against_baseline() == whole.against_baseline()


def test_entities_of_two_parts_add_up_too():
    tokens = [(0, 0, 0, True), (1, 1, 1, True)]
    parts = [measured(tokens, entities=True), measured(tokens[:1], entities=True)]
    together = parts[0] + parts[1]
    expected = parts[0].entities.expected.total() + parts[1].entities.expected.total()
    assert together.entities.expected.total() == expected
