"""Contiguous lanes of one long stream of ids, in chunks of T steps."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Integer

from throughtime.data.batch import Batch, Chunk
from throughtime.data.position import Position
from throughtime.errors import UserError, check_positive


class Lanes:
    """Batches for truncated BPTT: in each chunk, every lane continues where it stopped in the chunk before.

    The N ids make N - 1 pairs of an input and the id that follows it, its target. The B lanes are
    contiguous ranges of pairs whose lengths differ by one at most, and an epoch goes through all of them in
    ceil(longest / T) chunks; the last chunk may be shorter, and in it `lengths` says which lanes have a step
    less. So every id but the very first is a target exactly once an epoch.

    With `random_offset` the pairs form a ring and the first lane begins at a random pair, which is a function of the
    seed and the epoch alone. The lane that passes the end continues at the beginning of the text, with a reset mark
    there, so that every pair is still used.

    Args:
        ids: the whole text, `[N]`; a memory map, of which a chunk reads what it needs.
        batch_size: B.
        chunk_length: T.
        documents: the positions in `ids` at which documents begin; a lane has a reset mark there.
        random_offset: whether each epoch begins at another pair.
        seed: of the random offsets.
    """

    def __init__(
        self,
        ids: Integer[np.ndarray, " N"],
        batch_size: int,
        chunk_length: int,
        documents: Sequence[int] | np.ndarray = (),
        random_offset: bool = False,
        seed: int = 1,
    ) -> None:
        check_positive(batch_size=batch_size, chunk_length=chunk_length)
        if len(ids) < 2:
            raise UserError(f"a text of {len(ids)} symbols has nothing to predict; at least 2 are needed")
        self.ids = ids
        self.batch_size = batch_size
        self.chunk_length = chunk_length
        self.random_offset = random_offset
        self.seed = seed
        self.position = Position()
        self._pairs = len(ids) - 1
        shortest, longer = divmod(self._pairs, batch_size)
        lanes = np.arange(batch_size)
        self._starts = lanes * shortest + np.minimum(lanes, longer)
        self._lengths = shortest + (lanes < longer)
        # The beginning of the text counts as one: a lane continues there after the end.
        self._documents = np.union1d([0], np.asarray(documents, dtype=np.int64))

    def __len__(self) -> int:
        return -(-int(self._lengths[0]) // self.chunk_length)

    def __iter__(self) -> Iterator[Batch]:
        self.position.begin(len(self))
        return self._chunks()

    def _chunks(self) -> Iterator[Batch]:
        offset_of, offset = None, 0
        while self.position.batch < len(self):
            chunk, epoch = self.position.batch, self.position.epoch
            self.position.advance()
            if epoch != offset_of:
                offset_of, offset = epoch, self.offset(epoch)
            yield self._chunk(offset, chunk)

    def offset(self, epoch: int) -> int:
        """The pair that the first lane of an epoch begins with."""
        if not self.random_offset:
            return 0
        return int(np.random.default_rng((self.seed, epoch)).integers(self._pairs))

    def _chunk(self, offset: int, chunk: int) -> Batch:
        first = chunk * self.chunk_length
        steps = np.arange(first, min(first + self.chunk_length, int(self._lengths[0])))
        pairs = (self._starts + steps[:, None] + offset) % self._pairs
        lengths = np.clip(self._lengths - first, 0, len(steps))
        uneven = bool((lengths < len(steps)).any())
        inputs = Chunk(
            inputs=torch.from_numpy(self.ids[pairs].astype(np.int64)),
            lengths=torch.from_numpy(lengths) if uneven else None,
            resets=self._resets(pairs, lengths, chunk == 0),
            fresh=chunk == 0,
        )
        return Batch(inputs, targets=torch.from_numpy(self.ids[pairs + 1].astype(np.int64)))

    def _resets(
        self, pairs: Integer[np.ndarray, "T B"], lengths: Integer[np.ndarray, " B"], fresh: bool
    ) -> Bool[torch.Tensor, "T B"] | None:
        """Reset marks at the beginnings of documents; None where there are none but at a step that is fresh anyway."""
        places = np.minimum(np.searchsorted(self._documents, pairs), len(self._documents) - 1)
        marks = (self._documents[places] == pairs) & (np.arange(len(pairs))[:, None] < lengths)
        if fresh:
            marks[0] = False
        return torch.from_numpy(marks) if marks.any() else None

    def state_dict(self) -> dict[str, Any]:
        """The epoch and the next chunk."""
        return self.position.state_dict(len(self))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue, at the next `__iter__`, at the position that `state_dict` gave."""
        self.position.load_state_dict(state, len(self))
