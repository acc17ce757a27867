"""Length buckets: sequences of about equal length in one batch."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Integer

from throughtime.data.position import Position
from throughtime.errors import check_positive

POOL = 50
"""Batches in a pool: enough to save padding, and still random."""


class LengthBuckets:
    """Batches of sequence numbers, with sequences of about equal length in a batch.

    Each epoch shuffles the sequences, sorts each pool of `POOL` batches by length, cuts the pools into batches and
    shuffles the batches, all as a function of the seed and the epoch alone. Without `shuffle` the sequences are sorted
    by length once, and every epoch is the same.

    With `chunk_length`, a longer sequence is cut into chunks that follow each other. Only sequences of as many
    chunks are in one batch, so that all lanes go on from chunk to chunk.

    Args:
        lengths: the steps of each sequence.
        batch_size: B; the last batch of a pool may have fewer sequences.
        shuffle: whether each epoch has another order.
        seed: of the orders.
        chunk_length: the most steps of a batch; None for no limit.
    """

    def __init__(
        self,
        lengths: Integer[np.ndarray, " n"],
        batch_size: int,
        shuffle: bool = True,
        seed: int = 1,
        chunk_length: int | None = None,
    ) -> None:
        check_positive(batch_size=batch_size)
        self.lengths = lengths
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.chunk_length = chunk_length
        self.position = Position()
        chunks = np.ones_like(lengths) if chunk_length is None else -(-lengths // chunk_length)
        self._groups = {int(count): np.flatnonzero(chunks == count) for count in np.unique(chunks)}
        self._length = sum(
            count * int((-(-self._pool_sizes(len(group)) // batch_size)).sum())
            for count, group in self._groups.items()
        )
        self._cuts: list[tuple[np.ndarray, int]] = []
        self._cuts_epoch = -1

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Integer[np.ndarray, " B"]]:
        return (numbers for numbers, _ in self.chunks())

    def chunks(self) -> Iterator[tuple[Integer[np.ndarray, " B"], int]]:
        """The sequences of each batch, and which of their chunks it has, from 0."""
        self.position.begin(len(self))
        return self._rest()

    def _rest(self) -> Iterator[tuple[Integer[np.ndarray, " B"], int]]:
        while self.position.batch < len(self):
            epoch, index = self.position.epoch, self.position.batch
            self.position.advance()
            yield self._order(epoch)[index]

    def _pool_sizes(self, count: int) -> np.ndarray:
        """The number of sequences in each pool that is sorted by length, of so many sequences."""
        size = POOL * self.batch_size if self.shuffle else max(count, 1)
        return np.diff(np.append(np.arange(0, count, size), count))

    def _order(self, epoch: int) -> list[tuple[np.ndarray, int]]:
        """The sequences and the chunk of every batch of an epoch."""
        if not self.shuffle:
            epoch = 0
        if epoch != self._cuts_epoch:
            self._cuts, self._cuts_epoch = [batch for cut in self.cuts(epoch) for batch in cut], epoch
        return self._cuts

    def cuts(self, epoch: int) -> list[list[tuple[Integer[np.ndarray, " B"], int]]]:
        """The batches of an epoch in their order; those of one cut are the chunks of the same sequences."""
        generator = np.random.default_rng((self.seed, epoch))
        cuts = []
        for chunks, group in self._groups.items():
            numbers = group[generator.permutation(len(group))] if self.shuffle else group
            for pool in np.split(numbers, np.cumsum(self._pool_sizes(len(group)))[:-1]):
                pool = pool[np.argsort(self.lengths[pool], kind="stable")]
                parts = np.split(pool, range(self.batch_size, len(pool), self.batch_size))
                cuts += [[(part, chunk) for chunk in range(chunks)] for part in parts]
        return [cuts[index] for index in generator.permutation(len(cuts))] if self.shuffle else cuts

    def state_dict(self) -> dict[str, Any]:
        """The epoch and the next batch."""
        return self.position.state_dict(len(self))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue, at the next `__iter__`, at the position that `state_dict` gave."""
        self.position.load_state_dict(state, len(self))
