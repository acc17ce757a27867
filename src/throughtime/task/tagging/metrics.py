"""Metrics of tagging: accuracy, macro F1, and precision, recall and F1 of entities."""

from collections import Counter
from collections.abc import Mapping, Sequence
from copy import copy
from functools import reduce
from operator import add
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Int
from matplotlib.figure import Figure
from torch import Tensor

from throughtime.data.tagged.entity_schemes import spans
from throughtime.distributed.collectives import all_gather

UNKNOWN_ENTITY = "I-?"
"""The name of every entity tag that training does not have; neighbours with it are one entity, which is never found."""

COUNTS = ("confusion", "baseline", "unseen", "baseline_unseen")
"""The counts of pairs of tags that `TagMetrics` keeps."""


class Score(NamedTuple):
    """Precision, recall and F1, each from 0 to 1; 0 where it is not defined."""

    precision: float
    recall: float
    f1: float


def score(correct: int, predicted: int, expected: int) -> Score:
    """precision = correct / predicted,  recall = correct / expected,  F1 = 2 correct / (predicted + expected)."""
    return Score(
        correct / predicted if predicted else 0.0,
        correct / expected if expected else 0.0,
        2 * correct / (predicted + expected) if correct else 0.0,
    )


class EntityCounts:
    """Counts of entities over sentences, as conlleval has them (Tjong Kim Sang, CoNLL-2000).

    A predicted entity is correct if its type, its first and its last token all agree with a true one.
    """

    def __init__(self) -> None:
        self.correct: Counter[str] = Counter()
        self.predicted: Counter[str] = Counter()
        self.expected: Counter[str] = Counter()

    def add(self, expected: Sequence[str], predicted: Sequence[str]) -> None:
        """Count one sentence by its true and its predicted tags."""
        true, found = set(spans(expected)), set(spans(predicted))
        self.expected.update(span.kind for span in true)
        self.predicted.update(span.kind for span in found)
        self.correct.update(span.kind for span in true & found)

    def __add__(self, other: "EntityCounts") -> "EntityCounts":
        """The sum of both counts."""
        both = EntityCounts()
        both.correct = self.correct + other.correct
        both.predicted = self.predicted + other.predicted
        both.expected = self.expected + other.expected
        return both

    def state(self) -> list[dict[str, int]]:
        """The counts in plain containers."""
        return [dict(counter) for counter in (self.correct, self.predicted, self.expected)]

    @classmethod
    def of_state(cls, state: Sequence[Mapping[str, int]]) -> "EntityCounts":
        """The counts that `state` gave."""
        counts = cls()
        counts.correct, counts.predicted, counts.expected = map(Counter, state)
        return counts

    def overall(self) -> Score:
        """The score over entities of all types."""
        return score(self.correct.total(), self.predicted.total(), self.expected.total())

    def by_kind(self) -> dict[str, Score]:
        """The score of each type."""
        kinds = sorted({*self.expected, *self.predicted})
        return {kind: score(self.correct[kind], self.predicted[kind], self.expected[kind]) for kind in kinds}


class PairCounts:
    """Sparse confusion matrix: the number of tokens of each pair of a true and a predicted tag that occurs.

    Tags may be tens of thousands (lemmas), of which a matrix would take gigabytes.

    Args:
        rows: the true tags, K + 1 with the unknown one.
        columns: the tags that can be predicted, K.
    """

    def __init__(self, rows: int, columns: int) -> None:
        self.rows, self.columns = rows, columns
        self._pairs = torch.zeros(0, dtype=torch.int64)
        self._counts = torch.zeros(0, dtype=torch.int64)

    def add(self, expected: Int[Tensor, " N"], predicted: Int[Tensor, " N"]) -> None:
        """Count one pair a token."""
        pairs = expected.long() * self.columns + predicted.long()
        self._add(pairs, torch.ones_like(pairs))

    def _add(self, pairs: Int[Tensor, " N"], counts: Int[Tensor, " N"]) -> None:
        self._pairs, place = torch.cat([self._pairs, pairs]).unique(return_inverse=True)
        both = torch.cat([self._counts, counts])
        self._counts = torch.zeros_like(self._pairs).index_add_(0, place, both)

    def __add__(self, other: "PairCounts") -> "PairCounts":
        """The sum of both counts."""
        both = PairCounts(self.rows, self.columns)
        both._add(self._pairs, self._counts)
        both._add(other._pairs, other._counts)
        return both

    def state(self) -> list[Tensor]:
        """The pairs that occur and their counts."""
        return [self._pairs, self._counts]

    def of_state(self, state: Sequence[Tensor]) -> "PairCounts":
        """The counts that `state` gave, of the same tags."""
        counts = PairCounts(self.rows, self.columns)
        counts._pairs, counts._counts = state
        return counts

    def _sums(self, places: Int[Tensor, " N"], counts: Int[Tensor, " N"], size: int) -> Int[Tensor, " M"]:
        return torch.zeros(size, dtype=torch.int64).index_add_(0, places, counts)

    def expected(self) -> Int[Tensor, " R"]:
        """The tokens of each true tag; the last are those of unknown ones."""
        return self._sums(self._pairs // self.columns, self._counts, self.rows)

    def predicted(self) -> Int[Tensor, " K"]:
        """The tokens for which each tag was predicted."""
        return self._sums(self._pairs % self.columns, self._counts, self.columns)

    def correct(self) -> Int[Tensor, " K"]:
        """The tokens of each tag for which it was predicted."""
        right = self._pairs // self.columns == self._pairs % self.columns
        return self._sums(self._pairs[right] % self.columns, self._counts[right], self.columns)

    def matrix(self, chosen: Int[Tensor, " N"]) -> Int[Tensor, "N N"]:
        """The confusion matrix of some tags: a row a true one, a column a predicted one."""
        place = torch.full((self.rows,), -1)
        place[chosen] = torch.arange(len(chosen))
        row, column = place[self._pairs // self.columns], place[self._pairs % self.columns]
        kept = (row >= 0) & (column >= 0)
        counts = torch.zeros(len(chosen), len(chosen), dtype=torch.int64)
        counts[row[kept], column[kept]] = self._counts[kept]
        return counts

    def accuracy(self, rows: Bool[Tensor, " R"]) -> float:
        """The fraction of right predictions among the tokens with these true tags."""
        return int(self.correct()[rows[:-1]].sum()) / max(self.count(rows), 1)

    def count(self, rows: Bool[Tensor, " R"]) -> int:
        """The tokens with these true tags."""
        return int(self.expected()[rows].sum())


class TagScores:
    """Counts of true and predicted tags: F1 of each tag and their mean. K are the tags of training.

    A true tag that training does not have is counted like any other; no prediction can be right there.

    Args:
        tags: their names.

    Attributes:
        confusion: how often each tag (also an unknown one) was predicted as each.
        entities: counts of entities; None where the tags are none.
    """

    def __init__(self, tags: Sequence[str]) -> None:
        self.tags = list(tags)
        self.confusion = PairCounts(len(tags) + 1, len(tags))
        self.entities: EntityCounts | None = None

    def by_tag(self) -> dict[str, tuple[Score, int]]:
        """Precision, recall and F1 of each tag, and how many tokens truly have it."""
        correct = self.confusion.correct()
        predicted, expected = self.confusion.predicted(), self.confusion.expected()
        counts = zip(self.tags, correct.tolist(), predicted.tolist(), expected[:-1].tolist(), strict=True)
        return {tag: (score(right, given, true), true) for tag, right, given, true in counts}

    def figures(self) -> dict[str, Figure]:
        """Figures besides the confusion matrix, by their names."""
        return {}

    def macro_f1(self) -> float:
        """The mean of F1 over the tags that occur as true or predicted; an unknown true tag counts with 0."""
        predicted = self.confusion.predicted()
        scores = [
            found.f1
            for (found, true), given in zip(self.by_tag().values(), predicted.tolist(), strict=True)
            if true or given
        ]
        scores += [0.0] if self.confusion.expected()[-1] else []
        return sum(scores) / max(len(scores), 1)


class TagMetrics(TagScores):
    """Counts of true and predicted tags of words, from which every metric follows.

    Args:
        tags: their names.
        signs: the tags that a token's spelling alone determines (`Format.signs`).
        entities: whether the tags are BIO tags of entities.

    Attributes:
        baseline: counts as `confusion` for the most frequent tag of each word.
        unseen, baseline_unseen: both for words that training does not have.
        entities: counts of entities, or None.
    """

    def __init__(self, tags: Sequence[str], signs: Sequence[str] = (), entities: bool = False) -> None:
        super().__init__(tags)
        self.is_sign = torch.tensor([tag in signs for tag in tags] + [False])
        self.baseline = PairCounts(len(tags) + 1, len(tags))
        self.unseen = PairCounts(len(tags) + 1, len(tags))
        self.baseline_unseen = PairCounts(len(tags) + 1, len(tags))
        self.entities = EntityCounts() if entities else None

    def update(
        self,
        expected: Int[Tensor, "T B"],
        predicted: Int[Tensor, "T B"],
        majority_tag: Int[Tensor, "T B"],
        seen: Bool[Tensor, "T B"],
        mask: Bool[Tensor, "T B"],
    ) -> None:
        """Count a batch.

        Args:
            expected: the true tags; K for a tag that training does not have.
            predicted: the predicted tags.
            majority_tag: the most frequent tag of each word in training, the baseline's prediction.
            seen: whether training has the word.
            mask: true up to the end of each sentence, for the sentences that count.
        """
        expected, predicted, majority_tag, seen, mask = (
            part.cpu() for part in (expected, predicted, majority_tag, seen, mask)
        )
        unseen = mask & ~seen
        self.confusion.add(expected[mask], predicted[mask])
        self.baseline.add(expected[mask], majority_tag[mask])
        self.unseen.add(expected[unseen], predicted[unseen])
        self.baseline_unseen.add(expected[unseen], majority_tag[unseen])
        if self.entities is not None:
            names = [*self.tags, UNKNOWN_ENTITY]
            for lane, length in enumerate(mask.sum(0).tolist()):
                true, found = expected[:length, lane].tolist(), predicted[:length, lane].tolist()
                self.entities.add([names[tag] for tag in true], [names[tag] for tag in found])

    def __add__(self, other: "TagMetrics") -> "TagMetrics":
        """The sum of both counts, of the same tags."""
        both = copy(self)
        for name in COUNTS:
            setattr(both, name, getattr(self, name) + getattr(other, name))
        both.entities = None if self.entities is None else self.entities + other.entities
        return both

    def over_all_ranks(self) -> "TagMetrics":
        """The counts of all ranks."""
        own: dict[str, Any] = {name: getattr(self, name).state() for name in COUNTS}
        own["entities"] = None if self.entities is None else self.entities.state()
        return reduce(add, map(self._of_state, all_gather(own)))

    def _of_state(self, state: Mapping[str, Any]) -> "TagMetrics":
        metrics = copy(self)
        for name in COUNTS:
            setattr(metrics, name, getattr(self, name).of_state(state[name]))
        entities = state["entities"]
        metrics.entities = None if entities is None else EntityCounts.of_state(entities)
        return metrics

    def values(self) -> dict[str, float]:
        """The metrics by their names; one without any token is left out."""
        values = {"macro_f1": self.macro_f1()}
        for name, counts, _, rows in self._parts():
            if counts.count(rows):
                values[name] = counts.accuracy(rows)
        if self.entities is not None:
            values |= self.entities.overall()._asdict()
        return values

    def against_baseline(self) -> list[tuple[str, float, float, int]]:
        """Rows of (metric, its value, the baseline's value, number of tokens)."""
        return [
            (name, counts.accuracy(rows), baseline.accuracy(rows), count)
            for name, counts, baseline, rows in self._parts()
            if (count := counts.count(rows))
        ]

    def _parts(self) -> list[tuple[str, PairCounts, PairCounts, Tensor]]:
        """The kinds of accuracy: name, counts, the baseline's, and the true tags that count."""
        every, names = torch.ones_like(self.is_sign), ~self.is_sign
        parts = [("accuracy", self.confusion, self.baseline, every)]
        if self.is_sign.any():
            parts.append(("accuracy_names", self.confusion, self.baseline, names))
        return [*parts, ("accuracy_unseen", self.unseen, self.baseline_unseen, every)]
