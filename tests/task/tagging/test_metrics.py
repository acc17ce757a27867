"""Metrics of tags agree with scikit-learn, those of entities with cases worked out by hand."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

from throughtime.task.tagging.metrics import EntityCounts, PairCounts, TagMetrics, score
from throughtime.tree import length_mask

TAGS = ["N", "V", "op"]
TOKEN = st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 2), st.booleans())


def column(values, dtype=torch.int64):
    return torch.tensor(values, dtype=dtype)[:, None]


def measured(tokens, cuts=(), **options):
    """Token after token in one lane, in batches that end at the cuts."""
    metrics = TagMetrics(TAGS, **options)
    ends = [0, *sorted(cut for cut in cuts if 0 < cut < len(tokens)), len(tokens)]
    for start, stop in itertools.pairwise(ends):
        if start < stop:
            expected, predicted, majority, seen = zip(*tokens[start:stop], strict=True)
            parts = (column(expected), column(predicted), column(majority), column(seen, torch.bool))
            metrics.update(*parts, torch.ones(stop - start, 1, dtype=torch.bool))
    return metrics


@given(st.lists(TOKEN, min_size=1, max_size=30), st.lists(st.integers(1, 29), max_size=3))
def test_metrics_are_those_of_scikit_learn_however_batches_are_cut(tokens, cuts):
    metrics = measured(tokens, cuts)
    expected, predicted, majority, _seen = zip(*tokens, strict=True)
    values = metrics.values()
    assert values["accuracy"] == pytest.approx(accuracy_score(expected, predicted))
    assert values["macro_f1"] == pytest.approx(
        f1_score(expected, predicted, average="macro", zero_division=0)
    )
    unseen = [pair[:2] for pair in tokens if not pair[3]]
    assert values.get("accuracy_unseen") == (
        pytest.approx(sum(a == b for a, b in unseen) / len(unseen)) if unseen else None
    )
    labels = list(range(len(TAGS)))
    rows = zip(
        *precision_recall_fscore_support(expected, predicted, labels=labels, zero_division=0), strict=True
    )
    for row, (found, tokens_of) in zip(rows, metrics.by_tag().values(), strict=True):
        assert (*found, tokens_of) == pytest.approx(row)
    baseline = dict((name, value) for name, _, value, _ in metrics.against_baseline())
    assert baseline["accuracy"] == pytest.approx(accuracy_score(expected, majority))


def test_padding_is_not_counted():
    metrics = TagMetrics(TAGS)
    ones, seen = torch.ones(3, 2, dtype=torch.int64), torch.zeros(3, 2, dtype=torch.bool)
    metrics.update(ones, ones, ones, seen, length_mask(torch.tensor([3, 1]), 3))
    assert metrics.confusion.expected().sum() == metrics.unseen.expected().sum() == 4


def test_names_are_all_that_are_no_signs():
    tokens = [(0, 0, 1, True), (1, 0, 1, True), (2, 2, 2, True), (2, 2, 2, True), (3, 0, 0, True)]
    metrics = measured(tokens, signs=["op"])
    assert metrics.values()["accuracy_names"] == pytest.approx(1 / 3)
    assert ("accuracy_names", pytest.approx(1 / 3), pytest.approx(1 / 3), 3) in metrics.against_baseline()


def test_an_unknown_tag_is_an_error_and_an_entity_that_is_never_found():
    metrics = TagMetrics(["B-X", "I-X", "O"], entities=True)
    expected, predicted = column([0, 1, 3, 3]), column([0, 1, 0, 1])
    metrics.update(
        expected, predicted, predicted, column([True] * 4, torch.bool), torch.ones(4, 1, dtype=torch.bool)
    )
    values = metrics.values()
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


def counted(expected, predicted):
    counts = EntityCounts()
    counts.add(expected.split(), predicted.split())
    return counts


@pytest.mark.parametrize(
    ("expected", "predicted", "correct", "found", "true"),
    [
        ("B-PER I-PER O B-LOC", "B-PER I-PER O B-LOC", 2, 2, 2),
        ("B-PER I-PER O", "B-PER O O", 0, 1, 1),  # a wrong end
        ("B-PER I-PER O", "B-LOC I-LOC O", 0, 1, 1),  # a wrong type
        ("B-PER I-PER O", "O I-PER O", 0, 1, 1),  # a wrong beginning
        ("B-PER B-PER", "B-PER I-PER", 0, 1, 2),  # two taken for one
        ("O B-PER I-PER", "O I-PER I-PER", 1, 1, 1),  # an I after O begins an entity too
        ("B-PER I-PER", "B-PER I-LOC", 0, 2, 1),  # another type ends an entity
        ("O O", "O O", 0, 0, 0),
        ("O O", "B-PER O", 0, 1, 0),
        ("I-NP I-NP B-NP O", "I-NP I-NP B-NP O", 2, 2, 2),  # IOB1
        ("B-X E-X S-Y O", "B-X E-X S-X O", 1, 2, 2),  # BIOES
    ],
)
def test_cases_worked_out_by_hand(expected, predicted, correct, found, true):
    counts = counted(expected, predicted)
    totals = counts.correct.total(), counts.predicted.total(), counts.expected.total()
    assert totals == (correct, found, true)
    assert counts.overall() == score(correct, found, true)


def test_the_scores_of_the_equations():
    assert score(2, 4, 3) == pytest.approx((1 / 2, 2 / 3, 4 / 7))
    assert score(0, 0, 0) == (0, 0, 0)
    assert score(0, 5, 0) == (0, 0, 0)


SENTENCE = st.lists(
    st.tuples(*[st.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y"])] * 2), min_size=1, max_size=12
)


@given(st.lists(SENTENCE, min_size=1, max_size=5))
def test_types_add_up_and_sentences_are_counted_alone(sentences):
    together, correct, predicted, expected = EntityCounts(), 0, 0, 0
    for sentence in sentences:
        true, found = zip(*sentence, strict=True)
        together.add(true, found)
        alone = EntityCounts()
        alone.add(true, found)
        correct += alone.correct.total()
        predicted += alone.predicted.total()
        expected += alone.expected.total()
    assert together.overall() == score(correct, predicted, expected)
    assert set(together.by_kind()) == {*together.expected, *together.predicted}


@given(SENTENCE)
def test_truth_and_prediction_change_places_like_precision_and_recall(sentence):
    true, found = zip(*sentence, strict=True)
    one, other = EntityCounts(), EntityCounts()
    one.add(true, found)
    other.add(found, true)
    precision, recall, f1 = one.overall()
    assert other.overall() == (recall, precision, f1)


PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=30)


@given(PAIRS, PAIRS)
def test_counts_of_pairs_are_those_of_a_confusion_matrix(first, second):
    counts, dense = [], torch.zeros(5, 4, dtype=torch.int64)
    for pairs in (first, second):
        counts.append(PairCounts(5, 4))
        for expected, predicted in pairs:
            dense[expected, predicted] += 1
        expected, predicted = torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).T
        counts[-1].add(expected, predicted)
    both = counts[0] + counts[1]
    assert both.expected().tolist() == dense.sum(1).tolist()
    assert both.predicted().tolist() == dense.sum(0).tolist()
    assert both.correct().tolist() == dense.diagonal().tolist()
    chosen = torch.tensor([2, 0, 3])
    assert both.matrix(chosen).tolist() == dense[chosen][:, chosen].tolist()


def test_as_many_tags_as_a_language_has_lemmas_take_little_memory():
    metrics = TagMetrics([f"lemma{number}" for number in range(100_000)])
    tags, seen = column([0, 99_999, 100_000]), column([True, False, True], torch.bool)
    metrics.update(tags, column([0, 99_999, 5]), column([0, 0, 0]), seen, torch.ones(3, 1, dtype=torch.bool))
    assert metrics.values()["accuracy"] == pytest.approx(2 / 3)
    assert metrics.values()["accuracy_unseen"] == 1
