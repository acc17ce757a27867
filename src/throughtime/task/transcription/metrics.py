"""Metrics of transcripts: error rates of characters and words, and the share of sequences without an error.

All transcripts of a split are kept until the end of a stage, so that no metric depends on the batch size or on the
number of processes: an error rate is the edits of all sequences over all of their symbols.
"""

from collections.abc import Sequence
from typing import NamedTuple

from torchmetrics.functional.text import char_error_rate, edit_distance, word_error_rate

from throughtime.distributed.collectives import all_gather


class Transcribed(NamedTuple):
    """A sequence of a split with its true and its predicted transcript."""

    number: int
    truth: str
    predicted: str
    is_alignable: bool

    @property
    def edits(self) -> int:
        """The least number of symbols to insert, leave out or replace."""
        return int(edit_distance([self.predicted], [self.truth], reduction="sum"))


class TranscriptMetrics:
    """Transcripts so far.

    Attributes:
        found: one a sequence, in the order of their numbers after `over_all_ranks`.
    """

    def __init__(self, found: Sequence[Transcribed] = ()) -> None:
        self.found = list(found)

    def update(self, found: Sequence[Transcribed]) -> None:
        """Add some sequences."""
        self.found += found

    def over_all_ranks(self) -> "TranscriptMetrics":
        """The transcripts of all ranks."""
        gathered = all_gather([tuple(one) for one in self.found])
        return TranscriptMetrics(sorted(Transcribed(*one) for part in gathered for one in part))

    def values(self) -> dict[str, float]:
        """`cer`, `wer` and `sentence_accuracy`; `left_out`: the sequences too short for their transcripts."""
        if not self.found:
            return {}
        truths = [one.truth for one in self.found]
        predicted = [one.predicted for one in self.found]
        return {
            "cer": float(char_error_rate(predicted, truths)),
            "wer": float(word_error_rate(predicted, truths)),
            "sentence_accuracy": sum(map(str.__eq__, truths, predicted)) / len(truths),
            "left_out": float(sum(not one.is_alignable for one in self.found)),
        }

    def worst(self, count: int) -> list[tuple[Transcribed, int]]:
        """The sequences with the most edits, and those edits; without the ones that have none."""
        edited = [(one, one.edits) for one in self.found if one.truth != one.predicted]
        return sorted(edited, key=lambda pair: (-pair[1], pair[0].number))[:count]
