"""Precision, recall and F1 of whole entities, as conlleval counts them (Tjong Kim Sang, CoNLL-2000)."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from throughtime.data.tagged.entity_schemes import spans


class Score(NamedTuple):
    """How well something was found, each from 0 to 1; 0 where there was nothing to find or nothing was."""

    precision: float
    recall: float
    f1: float


def score(correct: int, answered: int, expected: int) -> Score:
    """precision = correct / answered,  recall = correct / expected,  F1 = 2 correct / (answered + expected)."""
    return Score(
        correct / answered if answered else 0.0,
        correct / expected if expected else 0.0,
        2 * correct / (answered + expected) if correct else 0.0,
    )


class EntityCounts:
    """Entities over many sentences; one is correct if its type, its first and its last token all agree."""

    def __init__(self) -> None:
        self.correct: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.expected: Counter[str] = Counter()

    def add(self, expected: Sequence[str], answered: Sequence[str]) -> None:
        """Count one sentence, by its true tags and those that were answered."""
        true, found = set(spans(expected)), set(spans(answered))
        self.expected.update(span.kind for span in true)
        self.answered.update(span.kind for span in found)
        self.correct.update(span.kind for span in true & found)

    def __add__(self, other: "EntityCounts") -> "EntityCounts":
        """What both have counted."""
        both = EntityCounts()
        both.correct = self.correct + other.correct
        both.answered = self.answered + other.answered
        both.expected = self.expected + other.expected
        return both

    def overall(self) -> Score:
        """Over the entities of all types."""
        return score(self.correct.total(), self.answered.total(), self.expected.total())

    def by_kind(self) -> dict[str, Score]:
        """Of each type alone."""
        kinds = sorted({*self.expected, *self.answered})
        return {kind: score(self.correct[kind], self.answered[kind], self.expected[kind]) for kind in kinds}
