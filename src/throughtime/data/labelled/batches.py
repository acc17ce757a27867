"""Labelled sequences in padded batches of about equal lengths, whole or in chunks with carried state."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Integer

from throughtime.data.batch import Batch, Chunk
from throughtime.data.buckets import LengthBuckets
from throughtime.data.labelled.sequences import Augmentation
from throughtime.data.labelled.standardise import Standardiser
from throughtime.errors import UserError


def lengths_of(sequences: Sequence[np.ndarray]) -> Integer[np.ndarray, " N"]:
    """The steps of each sequence."""
    return np.array([len(sequence) for sequence in sequences], dtype=np.int64)


class LabelledBatches:
    """Batches of sequences with targets of each sequence (`lane_axis=0`).

    With `chunk_length`, a longer sequence is cut into chunks that follow each other, through which a model carries its
    state. Only sequences of as many chunks are in one batch, and their targets count (`Batch.mask`) in the last one.
    Padding is 0.

    Args:
        sequences: each `[n]` ids or `[n, F]` features.
        targets: `[N]` numbers of classes, or `[N, K]` marks of the labels that hold; None where they are not known.
        standardiser: of features.
        batch_size: B.
        shuffle: whether each epoch has another order.
        seed: of the orders and of the augmentation.
        chunk_length: the most steps of a batch; None for whole sequences.
        augmentation: changes each sequence anew in every epoch; None for none.
        buckets: which of the sequences are in which batch, instead of those that follow from the arguments above.
        groups: of each sequence, for a standardiser of groups; None where all are of one.

    Attributes:
        buckets: which of the sequences are in which batch.
    """

    def __init__(
        self,
        sequences: Sequence[np.ndarray],
        targets: Integer[np.ndarray, " N"] | Float[np.ndarray, "N K"] | None,
        standardiser: Standardiser,
        batch_size: int,
        shuffle: bool = True,
        seed: int = 1,
        chunk_length: int | None = None,
        augmentation: Augmentation | None = None,
        buckets: LengthBuckets | None = None,
        groups: Sequence[str] | None = None,
    ) -> None:
        if buckets is None:
            buckets = LengthBuckets(lengths_of(sequences), batch_size, shuffle, seed, chunk_length)
        self.buckets = buckets
        self.targets = targets
        self.seed = seed
        self.chunk_length = chunk_length
        self.augmentation = augmentation
        self.standardisers = standardiser.of_groups(sequences, groups)
        self.sequences = sequences
        if augmentation is None:  # all that follows is the same in every epoch
            self.sequences = standardiser.standardised(sequences, groups)

    def __len__(self) -> int:
        return len(self.buckets)

    def __iter__(self) -> Iterator[Batch]:
        return (self.batch(lanes, chunk) for lanes, chunk in self.buckets.chunks())

    def batch(self, lanes: Integer[np.ndarray, " B"], chunk: int = 0) -> Batch:
        """The batch of some sequences: whole, or the chunk of them with this number, from 0."""
        found = [self._sequence(int(lane)) for lane in lanes]
        ends = np.array([len(sequence) for sequence in found], dtype=np.int64)
        first, last = 0, int(ends.max())
        if self.chunk_length is not None:
            first = chunk * self.chunk_length
            last = min(last, first + self.chunk_length)
        steps = last - first
        lengths = np.clip(ends - first, 0, steps)
        inputs = np.zeros((steps, len(found), *found[0].shape[1:]), dtype=found[0].dtype)
        for lane, sequence in enumerate(found):
            inputs[: lengths[lane], lane] = sequence[first:last]
        chunk_inputs = Chunk(
            torch.from_numpy(inputs),
            lengths=torch.from_numpy(lengths) if (lengths < steps).any() else None,
            fresh=first == 0,
        )
        if self.targets is None:
            return Batch(chunk_inputs, None, lane_axis=0)
        is_last = (ends > first) & (ends <= first + steps)
        whole = self.targets.ndim == 1 and self.chunk_length is None
        return Batch(
            chunk_inputs,
            targets=torch.from_numpy(self.targets[lanes]),
            mask=None if whole else torch.from_numpy(is_last),
            lane_axis=0,
        )

    def _sequence(self, number: int) -> np.ndarray:
        """One sequence as a model reads it: augmented and standardised."""
        if self.augmentation is None:
            return self.sequences[number]
        generator = np.random.default_rng((self.seed, self.buckets.position.epoch, number))
        changed = self.augmentation(self.sequences[number], generator)
        if self.chunk_length is not None and len(changed) != len(self.sequences[number]):
            raise UserError(
                "data.chunk_length: the augmentation changes the length of a sequence, so it cannot be cut into "
                "chunks; set data.chunk_length=null or leave out what changes the length"
            )
        return self.standardisers[number](changed)

    def state_dict(self) -> dict[str, Any]:
        """The epoch and the next batch."""
        return self.buckets.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue, at the next `__iter__`, at the position that `state_dict` gave."""
        self.buckets.load_state_dict(state)
