"""Pieces of music one after another in contiguous lanes, for truncated backpropagation through time."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, UInt8

from throughtime.data.batch import Batch, Chunk
from throughtime.data.music.piano_roll import Roll, possible_shifts, transposed
from throughtime.data.position import Position
from throughtime.errors import check_positive


class _Stream(NamedTuple):
    """All pieces of an epoch, one after another: their frames, and which of them are the first of a piece."""

    frames: UInt8[np.ndarray, "_ 88"]
    is_first: Bool[np.ndarray, " _"]


class PieceLanes:
    """Batches for training: B lanes of about equal length through all pieces, in chunks of T steps.

    The input of step t is frame t - 1, its target frame t; before the first frame of a piece is silence, and the state
    of its lane starts anew there. In each epoch the pieces have another order and other transpositions, which are a
    function of the seed and the epoch alone; every frame is a target once. A lane may begin within a piece, from a
    fresh state. Chunk by chunk of the same few pieces, as in `PieceBatches`, successive steps would be more alike.

    Args:
        rolls: the pieces.
        batch_size: B.
        chunk_length: T.
        seed: of the orders and of the transpositions.
        transpose: the most semitones by which a piece is moved, down or up; 0 for none.
    """

    def __init__(
        self, rolls: Sequence[Roll], batch_size: int, chunk_length: int, seed: int = 1, transpose: int = 0
    ) -> None:
        check_positive(batch_size=batch_size, chunk_length=chunk_length)
        self.rolls = rolls
        self.chunk_length = chunk_length
        self.seed = seed
        self.position = Position()
        self._shifts = [possible_shifts(roll, transpose) for roll in rolls]
        shortest, longer = divmod(sum(map(len, rolls)), batch_size)
        lanes = np.arange(batch_size)
        self._starts = lanes * shortest + np.minimum(lanes, longer)
        self._lengths = shortest + (lanes < longer)
        self._stream: _Stream | None = None
        self._stream_epoch = -1

    def __len__(self) -> int:
        return -(-int(self._lengths[0]) // self.chunk_length)

    def __iter__(self) -> Iterator[Batch]:
        self.position.begin(len(self))
        return self._rest()

    def _rest(self) -> Iterator[Batch]:
        while self.position.batch < len(self):
            epoch, chunk = self.position.epoch, self.position.batch
            self.position.advance()
            yield self._chunk(self._stream_of(epoch), chunk)

    def _stream_of(self, epoch: int) -> _Stream:
        if self._stream is None or epoch != self._stream_epoch:
            generator = np.random.default_rng((self.seed, epoch))
            order = generator.permutation(len(self.rolls)).tolist()
            shifts = [int(generator.integers(shifts.start, shifts.stop)) for shifts in self._shifts]
            pieces = [transposed(self.rolls[number], shifts[number]) for number in order]
            is_first = np.zeros(sum(map(len, pieces)), dtype=bool)
            is_first[np.cumsum([0, *map(len, pieces[:-1])])] = True
            self._stream, self._stream_epoch = _Stream(np.concatenate(pieces), is_first), epoch
        return self._stream

    def _chunk(self, stream: _Stream, chunk: int) -> Batch:
        first = chunk * self.chunk_length
        steps = np.arange(first, min(first + self.chunk_length, int(self._lengths[0])))
        places = np.minimum(self._starts + steps[:, None], len(stream.frames) - 1)
        lengths = np.clip(self._lengths - first, 0, len(steps))
        is_first = stream.is_first[places]
        inputs = stream.frames[places - 1] * ~is_first[..., None]
        resets = is_first & (np.arange(len(steps))[:, None] < lengths)
        if chunk == 0:
            resets[0] = False  # the state is fresh anyway
        return Batch(
            Chunk(
                torch.from_numpy(inputs).float(),
                lengths=torch.from_numpy(lengths),
                resets=torch.from_numpy(resets) if resets.any() else None,
                fresh=chunk == 0,
            ),
            torch.from_numpy(stream.frames[places]).float(),
        )

    def state_dict(self) -> dict[str, Any]:
        """The epoch and the next chunk."""
        return self.position.state_dict(len(self))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue, at the next `__iter__`, at the position that `state_dict` gave."""
        self.position.load_state_dict(state, len(self))
