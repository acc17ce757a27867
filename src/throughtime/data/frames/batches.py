"""Recordings in padded batches, with a target for every frame."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Integer

from throughtime.data.batch import Batch, Chunk
from throughtime.data.buckets import LengthBuckets


class FrameBatches:
    """Batches of sequences of frames of about equal lengths, each from a fresh state.

    With `chunk_length`, a longer sequence is cut into chunks that follow each other, through which a model carries its
    state. Only sequences of as many chunks are in one batch.

    Args:
        sequences: each `[n, F]`.
        targets: the number of the tag of each frame, `[n]`; None where they are not known.
        batch_size: B.
        shuffle: whether each epoch has another order.
        seed: of the orders.
        chunk_length: the most steps of a batch; None for whole sequences.

    Attributes:
        buckets: which of the sequences are in which batch.
    """

    def __init__(
        self,
        sequences: Sequence[Float[np.ndarray, "_ F"]],
        targets: Sequence[Integer[np.ndarray, " _"]] | None,
        batch_size: int,
        shuffle: bool = False,
        seed: int = 1,
        chunk_length: int | None = None,
    ) -> None:
        lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
        self.buckets = LengthBuckets(lengths, batch_size, shuffle, seed, chunk_length)
        self.chunk_length = chunk_length
        self.sequences = sequences
        self.targets = targets

    def __len__(self) -> int:
        return len(self.buckets)

    def __iter__(self) -> Iterator[Batch]:
        return (self.batch(lanes, chunk) for lanes, chunk in self.buckets.chunks())

    def batch(self, lanes: Integer[np.ndarray, " B"], chunk: int = 0) -> Batch:
        """The batch of some sequences: whole, or the chunk of them with this number, from 0; padding is 0."""
        size = self.chunk_length or int(self.buckets.lengths.max())
        first = chunk * size
        lengths = np.clip(self.buckets.lengths[lanes] - first, 0, size)
        inputs = np.zeros((lengths.max(), len(lanes), self.sequences[0].shape[1]), dtype=np.float32)
        targets = np.zeros(inputs.shape[:2], dtype=np.int64)
        for place, lane in enumerate(lanes):
            steps = slice(first, first + lengths[place])
            inputs[: lengths[place], place] = self.sequences[lane][steps]
            if self.targets is not None:
                targets[: lengths[place], place] = self.targets[lane][steps]
        read = Chunk(torch.from_numpy(inputs), lengths=torch.from_numpy(lengths), fresh=first == 0)
        return Batch(read, None if self.targets is None else torch.from_numpy(targets))

    def state_dict(self) -> dict[str, Any]:
        """The epoch and the next batch."""
        return self.buckets.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue, at the next `__iter__`, at the position that `state_dict` gave."""
        self.buckets.load_state_dict(state)
