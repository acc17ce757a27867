"""Metrics of predicted frames, from totals and counts over all frames of a split."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from throughtime.data.batch import Batch
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


class FirstFrames:
    """The negative log-likelihood of the first frames of pieces, which the mean over the later frames leaves out.

    From the mean l of all N frames, of which the n first ones of their pieces have the sum s:

        mean over the later frames = (N l - s) / (N - n)

    So Bai, Kolter & Koltun (2018, arXiv 1803.01271) measure, whose models read the first frame of a piece and predict
    the others. Totals are added up, so that the mean does not depend on the batch size, the chunks or the number of
    processes. Of no later frame it is NaN.
    """

    def __init__(self) -> None:
        self.totals = torch.zeros(3, dtype=torch.float64)  # N, n, s

    @staticmethod
    def of(batch: Batch) -> Bool[Tensor, "T B"]:
        """Mask of counted targets that are the first frame of a piece; a fresh chunk begins with one in each lane."""
        chunk = batch.chunk
        first = torch.zeros(chunk.steps, chunk.batch_size, dtype=torch.bool, device=batch.targets.device)
        first[0] = chunk.fresh
        if chunk.resets is not None:
            first |= chunk.resets
        mask = batch.target_mask()
        return first if mask is None else first & mask

    def update(self, frames: int, log_likelihood: Float[Tensor, " n"]) -> None:
        """Add a batch: the number of its frames, and ln p of those that are the first of a piece."""
        summed = -float(log_likelihood.double().sum())
        self.totals += torch.tensor([frames, len(log_likelihood), summed], dtype=torch.float64)

    def over_all_ranks(self) -> "FirstFrames":
        """The totals of all ranks together."""
        found = FirstFrames()
        found.totals = torch.stack(all_gather(self.totals)).sum(0)
        return found

    def mean_of_others(self, mean: float) -> float:
        """The mean over the later frames, from that over all frames."""
        frames, first, total = self.totals.tolist()
        return (frames * mean - total) / (frames - first) if frames > first else math.nan
