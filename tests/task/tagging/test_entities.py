"""Precision, recall and F1, worked out by hand and counted another way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughtime.task.tagging.entities import EntityCounts, score


def counted(expected, answered):
    counts = EntityCounts()
    counts.add(expected.split(), answered.split())
    return counts


@pytest.mark.parametrize(
    ("expected", "answered", "correct", "found", "true"),
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
def test_cases_worked_out_by_hand(expected, answered, correct, found, true):
    counts = counted(expected, answered)
    totals = counts.correct.total(), counts.answered.total(), counts.expected.total()
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
    together, correct, answered, expected = EntityCounts(), 0, 0, 0
    for sentence in sentences:
        true, found = zip(*sentence, strict=True)
        together.add(true, found)
        alone = EntityCounts()
        alone.add(true, found)
        correct += alone.correct.total()
        answered += alone.answered.total()
        expected += alone.expected.total()
    assert together.overall() == score(correct, answered, expected)
    assert set(together.by_kind()) == {*together.expected, *together.answered}


@given(SENTENCE)
def test_truth_and_answer_change_places_like_precision_and_recall(sentence):
    true, found = zip(*sentence, strict=True)
    one, other = EntityCounts(), EntityCounts()
    one.add(true, found)
    other.add(found, true)
    precision, recall, f1 = one.overall()
    assert other.overall() == (recall, precision, f1)
