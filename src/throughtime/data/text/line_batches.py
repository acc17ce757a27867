"""Sequences that stand for themselves, in padded batches of about equal lengths."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from jaxtyping import Integer

from throughtime.data.batch import Batch, Chunk
from throughtime.data.buckets import LengthBuckets


class LineBatches:
    """Batches of whole sequences: `<start> a b c` is the input, `a b c <end>` the target.

    The steps of a batch are those of its longest sequence.

    Args:
        ids: the symbols of all sequences, one after another, `[N]`.
        starts: where each sequence begins in `ids`, `[n]`.
        start, end: the ids of the two boundaries.
        batch_size: B; the last batch of a stretch may have fewer lanes.
        shuffle: whether each epoch has another order.
        seed: of the orders.

    Attributes:
        buckets: which sequences are in which batch.
    """

    def __init__(
        self,
        ids: Integer[np.ndarray, " N"],
        starts: Integer[np.ndarray, " n"],
        start: int,
        end: int,
        batch_size: int,
        shuffle: bool = True,
        seed: int = 1,
    ) -> None:
        self.ids = ids
        self.start = start
        self.end = end
        self._starts = starts
        self.buckets = LengthBuckets(np.diff(starts, append=len(ids)), batch_size, shuffle, seed)

    def __len__(self) -> int:
        return len(self.buckets)

    def __iter__(self) -> Iterator[Batch]:
        return map(self._batch, self.buckets)

    def _batch(self, lines: Integer[np.ndarray, " B"]) -> Batch:
        symbols = self.buckets.lengths[lines]
        steps = np.arange(symbols.max() + 1)[:, None]
        places = np.minimum(self._starts[lines] + steps, len(self.ids) - 1)
        targets = np.where(steps < symbols, self.ids[places].astype(np.int64), 0)
        targets[symbols, np.arange(len(lines))] = self.end
        inputs = np.roll(targets, 1, axis=0)
        inputs[steps > symbols] = 0
        inputs[0] = self.start
        chunk = Chunk(torch.from_numpy(inputs), lengths=torch.from_numpy(symbols + 1))
        return Batch(chunk, torch.from_numpy(targets))

    def state_dict(self) -> dict[str, Any]:
        """The epoch and the next batch."""
        return self.buckets.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on, at the next `__iter__`, from a position that `state_dict` told."""
        self.buckets.load_state_dict(state)
