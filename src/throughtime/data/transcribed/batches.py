"""Transcribed sequences in padded batches of about equal lengths."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Integer
from torch import Tensor

from throughtime.data.batch import Batch, Chunk
from throughtime.data.buckets import LengthBuckets

Loaded = tuple[Float[np.ndarray, "n F"], Integer[np.ndarray, " u"]]
"""A standardised sequence and the numbers of its symbols."""


class TranscriptTargets(NamedTuple):
    """The transcripts of the sequences of a batch.

    Attributes:
        symbols: `[B, U]`, from 1 on, and 0 after the last one.
        counts: `[B]`, the symbols of each sequence.
        numbers: `[B]`, which of the sequences of the split they are.
    """

    symbols: Tensor
    counts: Tensor
    numbers: Tensor


class TranscribedBatches:
    """Batches of whole sequences, whose targets are ragged: `TranscriptTargets`, with a mask of the symbols there are.

    Args:
        sizes: about how long each sequence is.
        load: gives a sequence by its number and the epoch.
        batch_size: B.
        shuffle: whether each epoch has another order.
        seed: of the orders.

    Attributes:
        buckets: which of the sequences are in which batch.
    """

    def __init__(
        self,
        sizes: Integer[np.ndarray, " n"],
        load: Callable[[int, int], Loaded],
        batch_size: int,
        shuffle: bool = False,
        seed: int = 1,
    ) -> None:
        self.buckets = LengthBuckets(sizes, batch_size, shuffle, seed)
        self.load = load

    def __len__(self) -> int:
        return len(self.buckets)

    def __iter__(self) -> Iterator[Batch]:
        return map(self.batch, self.buckets)

    def batch(self, numbers: Integer[np.ndarray, " B"]) -> Batch:
        """The batch of some sequences."""
        epoch = self.buckets.position.epoch
        found = [self.load(int(number), epoch) for number in numbers]
        chunk = padded_chunk([sequence for sequence, _ in found])
        counts = np.array([len(symbols) for _, symbols in found], dtype=np.int64)
        symbols = np.zeros((len(found), max(counts.max(), 1)), dtype=np.int64)
        for row, (_, own) in zip(symbols, found, strict=True):
            row[: len(own)] = own
        targets = TranscriptTargets(*map(torch.from_numpy, (symbols, counts, np.asarray(numbers, np.int64))))
        return Batch(chunk, targets, mask=targets.symbols > 0, lane_axis=0)

    def state_dict(self) -> dict[str, Any]:
        """The epoch and the next batch."""
        return self.buckets.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue, at the next `__iter__`, at the position that `state_dict` gave."""
        self.buckets.load_state_dict(state)


def padded_chunk(sequences: Sequence[Float[np.ndarray, "_ F"]]) -> Chunk:
    """Whole sequences side by side, `[T, B, F]`, with 0 after their ends."""
    lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
    inputs = np.zeros((lengths.max(), len(sequences), sequences[0].shape[1]), dtype=np.float32)
    for lane, sequence in enumerate(sequences):
        inputs[: lengths[lane], lane] = sequence
    return Chunk(torch.from_numpy(inputs), lengths=torch.from_numpy(lengths))
