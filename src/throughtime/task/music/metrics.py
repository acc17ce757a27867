"""Metrics of predicted notes, from counts over all frames of a split."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from throughtime.distributed.collectives import all_gather


class NoteCounts:
    """True positives, false positives and false negatives: notes that are right, too many, and missed.

        frame accuracy = TP / (TP + FP + FN)      (Bay, Ehmann & Downie 2009, ISMIR)
        precision = TP / (TP + FP),   recall = TP / (TP + FN),   F1 = 2 TP / (2 TP + FP + FN)

    The counts are added up over all frames, so that no metric depends on the batch size or on the number of processes.
    A fraction of nothing is 0.
    """

    def __init__(self) -> None:
        self.counts = torch.zeros(3, dtype=torch.long)

    def update(
        self,
        predicted: Float[Tensor, "*T N"],
        targets: Float[Tensor, "*T N"],
        mask: Bool[Tensor, "*T"] | None = None,
    ) -> None:
        """Add some frames, where `mask` is true."""
        predicted, targets = predicted > 0, targets > 0
        if mask is not None:
            predicted, targets = predicted & mask[..., None], targets & mask[..., None]
        found = [predicted & targets, predicted & ~targets, ~predicted & targets]
        self.counts += torch.stack([one.sum() for one in found]).cpu()

    def over_all_ranks(self) -> "NoteCounts":
        """The counts of all ranks together."""
        found = NoteCounts()
        found.counts = torch.stack(all_gather(self.counts)).sum(0)
        return found

    def values(self) -> dict[str, float]:
        """Each metric by its name."""
        right, extra, missed = self.counts.tolist()
        return {
            "frame_accuracy": right / max(right + extra + missed, 1),
            "precision": right / max(right + extra, 1),
            "recall": right / max(right + missed, 1),
            "f1": 2 * right / max(2 * right + extra + missed, 1),
        }
