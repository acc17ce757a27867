"""Pieces of music in batches of about equal lengths, cut into chunks; the target of each step is the next frame."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Integer

from throughtime.data.batch import Batch, Chunk
from throughtime.data.buckets import LengthBuckets
from throughtime.data.music.piano_roll import KEYS, Roll, possible_shifts, transposed


class PieceBatches:
    """Batches of pieces: the input of step t is frame t - 1, its target frame t; before the first frame is silence.

    So every frame of a piece is a target once, and a piece of n frames has n steps. A piece longer than a chunk goes on
    in the next batch, through which a model carries its state; only pieces of as many chunks are in one batch.

    Args:
        rolls: the pieces.
        batch_size: B.
        chunk_length: T, the most steps of a batch; None for whole pieces.
        shuffle: whether each epoch has another order.
        seed: of the orders and of the transpositions.
        transpose: the most semitones by which a piece is moved, down or up, anew in every epoch; 0 for none.

    Attributes:
        buckets: which of the pieces are in which batch.
    """

    def __init__(
        self,
        rolls: Sequence[Roll],
        batch_size: int,
        chunk_length: int | None = None,
        shuffle: bool = False,
        seed: int = 1,
        transpose: int = 0,
    ) -> None:
        lengths = np.array([len(roll) for roll in rolls], dtype=np.int64)
        self.buckets = LengthBuckets(lengths, batch_size, shuffle, seed, chunk_length)
        self.rolls = rolls
        self.chunk_length = chunk_length
        self.seed = seed
        self._shifts = [possible_shifts(roll, transpose) for roll in rolls]

    def __len__(self) -> int:
        return len(self.buckets)

    def __iter__(self) -> Iterator[Batch]:
        return (self.batch(lanes, chunk) for lanes, chunk in self.buckets.chunks())

    def batch(self, lanes: Integer[np.ndarray, " B"], chunk: int = 0) -> Batch:
        """The batch of some pieces: the chunk of them with this number, from 0."""
        ends = self.buckets.lengths[lanes]
        first, last = 0, int(ends.max())
        if self.chunk_length is not None:
            first = chunk * self.chunk_length
            last = min(last, first + self.chunk_length)
        lengths = np.clip(ends - first, 0, last - first)
        frames = np.zeros((last - first + 1, len(lanes), KEYS), dtype=np.float32)  # from first - 1
        for place, lane in enumerate(lanes):
            roll = self.roll(int(lane))[max(first - 1, 0) : last]
            begin = 0 if first else 1
            frames[begin : begin + len(roll), place] = roll
        inputs, targets = torch.from_numpy(frames[:-1]), torch.from_numpy(frames[1:])
        # The mask is of frames, each of which counts once, not of the 88 numbers of its target.
        steps = torch.from_numpy(lengths)
        return Batch(Chunk(inputs, lengths=steps, fresh=first == 0), targets)

    def roll(self, number: int) -> Roll:
        """One piece, transposed as it is in this epoch: a function of the seed, the epoch and its number alone."""
        shifts, roll = self._shifts[number], self.rolls[number]
        if len(shifts) == 1:
            return roll
        generator = np.random.default_rng((self.seed, self.buckets.position.epoch, number))
        return transposed(roll, int(generator.integers(shifts.start, shifts.stop)))

    def state_dict(self) -> dict[str, Any]:
        """The epoch and the next batch."""
        return self.buckets.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue, at the next `__iter__`, at the position that `state_dict` gave."""
        self.buckets.load_state_dict(state)
