"""Scores by the length of sequences, and their means over lengths."""

import math
from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from throughtime.distributed.collectives import all_gather


class LengthScores:
    """Counts of right answers, or sums of squared errors, of each length.

    Args:
        lengths: the length of sequences by their steps T.
        numbers: whether answers are numbers.
        near: the greatest length that is near those of training.
    """

    def __init__(self, lengths: Mapping[int, int], numbers: bool, near: int) -> None:
        self.lengths = dict(lengths)
        self.numbers = numbers
        self.near = near
        self.sums: dict[int, list[float | int]] = {}

    def update(
        self,
        predicted: Int[Tensor, "T B"] | Float[Tensor, "T B C"],
        targets: Int[Tensor, "T B"] | Float[Tensor, "T B C"],
        mask: Bool[Tensor, "T B"] | Bool[Tensor, "T B C"] | None,
        losses: Float[Tensor, "T B"] | None = None,
    ) -> None:
        """Add a batch of sequences of one length.

        Args:
            predicted: symbols or numbers.
            targets: those that are right.
            mask: the targets that count; None for all.
            losses: of each symbol; None of numbers, and where they are not known.
        """
        mask = torch.ones_like(targets, dtype=torch.bool) if mask is None else mask
        if self.numbers:
            errors = (predicted.double() - targets) ** 2
            added: list[float | int] = [float(errors[mask].sum()), int(mask.sum())]
        else:
            right = predicted == targets
            whole = (right | ~mask).all(0)[mask.any(0)]
            loss = math.nan if losses is None else float(losses[mask].double().sum())
            added = [int(right[mask].sum()), int(mask.sum()), int(whole.sum()), len(whole), loss]
        self._add(self.lengths.get(len(targets), len(targets)), added)

    def _add(self, length: int, added: list[float | int]) -> None:
        self.sums[length] = [
            a + b for a, b in zip(self.sums.get(length, [0] * len(added)), added, strict=True)
        ]

    def over_all_ranks(self) -> "LengthScores":
        """The scores of all ranks."""
        found = LengthScores(self.lengths, self.numbers, self.near)
        for sums in all_gather(self.sums):
            for length, added in sums.items():
                found._add(int(length), list(added))
        return found

    def by_length(self) -> dict[int, dict[str, float]]:
        """The metrics of each length, in increasing order."""
        found = {}
        for length in sorted(self.sums):
            total, count, *whole = self.sums[length]
            if count:
                found[length] = {self.metric: total / count}
                if whole:
                    found[length] |= {"sequence_accuracy": whole[0] / whole[1], "loss": whole[2] / count}
        return found

    @property
    def mean_loss(self) -> float:
        """The mean over lengths of the mean loss."""
        return _mean([one.get("loss", one[self.metric]) for one in self.by_length().values()])

    @property
    def metric(self) -> str:
        """The name of the score: `mse` of numbers, else `accuracy`."""
        return "mse" if self.numbers else "accuracy"

    def values(self) -> dict[str, float]:
        """Means over lengths, each of which counts alike; of near and of far lengths too where there are both."""
        found = self.by_length()
        if not found:
            return {}
        names = [name for name in next(iter(found.values())) if name != "loss"]
        values = {name: _mean([one[name] for one in found.values()]) for name in names}
        near = [one[self.metric] for length, one in found.items() if length <= self.near]
        far = [one[self.metric] for length, one in found.items() if length > self.near]
        if near and far:
            values |= {f"{self.metric}_near": _mean(near), f"{self.metric}_far": _mean(far)}
        return values


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
