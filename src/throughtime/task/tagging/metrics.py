"""What is counted while tagged sentences are evaluated."""

from collections.abc import Sequence
from copy import copy

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from throughtime.task.tagging.entities import EntityCounts, Score, score

UNKNOWN_ENTITY = "I-?"
"""A tag that training does not have, among tags of entities: neighbours with it are one entity, never found."""


class TagMetrics:
    """Counts of true tags and answers. K are the tags of training.

    A true tag that training does not have is counted like any other; no answer can be right there.

    Args:
        tags: their names.
        signs: those of them that tell themselves (`Format.signs`).
        entities: whether the tags are BIO tags of entities.

    Attributes:
        confusion: `[K + 1, K]`, how often each tag (the last row: an unknown one) was answered with each.
        baseline: the same for the most frequent tag of each word.
        unseen, baseline_unseen: both for words that training does not have.
        entities: counts of entities, or None.
    """

    def __init__(self, tags: Sequence[str], signs: Sequence[str] = (), entities: bool = False) -> None:
        self.tags = list(tags)
        self.is_sign = torch.tensor([tag in signs for tag in tags] + [False])
        self.confusion = torch.zeros(len(tags) + 1, len(tags), dtype=torch.int64)
        self.baseline = torch.zeros_like(self.confusion)
        self.unseen = torch.zeros_like(self.confusion)
        self.baseline_unseen = torch.zeros_like(self.confusion)
        self.entities = EntityCounts() if entities else None

    def update(
        self,
        expected: Int[Tensor, "T B"],
        answered: Int[Tensor, "T B"],
        usual: Int[Tensor, "T B"],
        seen: Bool[Tensor, "T B"],
        lengths: Int[Tensor, " B"],
    ) -> None:
        """Count a batch: its true tags, the answers, each word's usual tag, and whether training has it."""
        expected, answered, usual, seen, lengths = (
            part.cpu() for part in (expected, answered, usual, seen, lengths)
        )
        running = torch.arange(len(expected))[:, None] < lengths
        unseen = running & ~seen
        self.confusion += self._counts(expected[running], answered[running])
        self.baseline += self._counts(expected[running], usual[running])
        self.unseen += self._counts(expected[unseen], answered[unseen])
        self.baseline_unseen += self._counts(expected[unseen], usual[unseen])
        if self.entities is not None:
            names = [*self.tags, UNKNOWN_ENTITY]
            for lane, length in enumerate(lengths.tolist()):
                true, found = expected[:length, lane].tolist(), answered[:length, lane].tolist()
                self.entities.add([names[tag] for tag in true], [names[tag] for tag in found])

    def __add__(self, other: "TagMeasures") -> "TagMeasures":
        """What both have counted, of the same tags."""
        both = copy(self)
        for name in ("confusion", "baseline", "unseen", "baseline_unseen"):
            setattr(both, name, getattr(self, name) + getattr(other, name))
        both.entities = None if self.entities is None else self.entities + other.entities
        return both

    def values(self) -> dict[str, float]:
        """The measures by their names; one that has nothing to be measured on is left out."""
        values = {"macro_f1": self.macro_f1()}
        for name, matrix, _, rows in self._parts():
            if matrix[rows].sum():
                values[name] = accuracy(matrix, rows)
        if self.entities is not None:
            values |= self.entities.overall()._asdict()
        return values

    def by_tag(self) -> dict[str, tuple[Score, int]]:
        """Precision, recall and F1 of each tag, and how many tokens truly have it."""
        correct = self.confusion.diagonal()
        answered, expected = self.confusion.sum(0), self.confusion.sum(1)
        counts = zip(self.tags, correct.tolist(), answered.tolist(), expected[:-1].tolist(), strict=True)
        return {tag: (score(right, given, true), true) for tag, right, given, true in counts}

    def macro_f1(self) -> float:
        """The mean of F1 over the tags that occur, truly or as an answer; an unknown tag counts as one with 0."""
        answered = self.confusion.sum(0)
        scores = [
            found.f1
            for (found, true), given in zip(self.by_tag().values(), answered.tolist(), strict=True)
            if true or given
        ]
        scores += [0.0] if self.confusion[-1].sum() else []
        return sum(scores) / max(len(scores), 1)

    def against_baseline(self) -> list[tuple[str, float, float, int]]:
        """A measure, its value, that of the most frequent tag of each word, and on how many tokens."""
        return [
            (name, accuracy(matrix, rows), accuracy(usual, rows), count)
            for name, matrix, usual, rows in self._parts()
            if (count := int(matrix[rows].sum()))
        ]

    def _parts(self) -> list[tuple[str, Tensor, Tensor, Tensor]]:
        """The measures of accuracy: the counts, those of the baseline, and which true tags matter."""
        every, names = torch.ones_like(self.is_sign), ~self.is_sign
        parts = [("accuracy", self.confusion, self.baseline, every)]
        if self.is_sign.any():
            parts.append(("accuracy_names", self.confusion, self.baseline, names))
        return [*parts, ("accuracy_unseen", self.unseen, self.baseline_unseen, every)]

    def _counts(self, expected: Int[Tensor, " N"], answered: Int[Tensor, " N"]) -> Int[Tensor, "R K"]:
        size = self.confusion.shape
        return torch.bincount(expected * size[1] + answered, minlength=size[0] * size[1]).view(size)


def accuracy(confusion: Int[Tensor, "R K"], rows: Bool[Tensor, " R"]) -> float:
    """The share of right answers among the tokens with these true tags."""
    return int(confusion.diagonal()[rows[:-1]].sum()) / max(int(confusion[rows].sum()), 1)
