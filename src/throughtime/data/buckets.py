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

    Args:
        lengths: the steps of each sequence.
        batch_size: B; the last batch of a pool may have fewer sequences.
        shuffle: whether each epoch has another order.
        seed: of the orders.
    """

    def __init__(
        self, lengths: Integer[np.ndarray, " n"], batch_size: int, shuffle: bool = True, seed: int = 1
    ) -> None:
        check_positive(batch_size=batch_size)
        self.lengths = lengths
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.position = Position()
        self._cuts: list[np.ndarray] = []
        self._cuts_epoch = -1

    def __len__(self) -> int:
        return int((-(-self._pool_sizes() // self.batch_size)).sum())

    def __iter__(self) -> Iterator[Integer[np.ndarray, " B"]]:
        self.position.begin(len(self))
        return self._rest()

    def _rest(self) -> Iterator[Integer[np.ndarray, " B"]]:
        while self.position.batch < len(self):
            epoch, index = self.position.epoch, self.position.batch
            self.position.advance()
            yield self._order(epoch)[index]

    def _pool_sizes(self) -> np.ndarray:
        """The number of sequences in each pool that is sorted by length."""
        count = len(self.lengths)
        size = POOL * self.batch_size if self.shuffle else max(count, 1)
        return np.diff(np.append(np.arange(0, count, size), count))

    def _order(self, epoch: int) -> list[np.ndarray]:
        """The sequences of every batch of an epoch."""
        if not self.shuffle:
            epoch = 0
        if epoch != self._cuts_epoch:
            generator = np.random.default_rng((self.seed, epoch))
            count = len(self.lengths)
            numbers = generator.permutation(count) if self.shuffle else np.arange(count)
            cuts = []
            for pool in np.split(numbers, np.cumsum(self._pool_sizes())[:-1]):
                pool = pool[np.argsort(self.lengths[pool], kind="stable")]
                cuts += np.split(pool, range(self.batch_size, len(pool), self.batch_size))
            order = generator.permutation(len(cuts)) if self.shuffle else range(len(cuts))
            self._cuts, self._cuts_epoch = [cuts[index] for index in order], epoch
        return self._cuts

    def state_dict(self) -> dict[str, Any]:
        """The epoch and the next batch."""
        return self.position.state_dict(len(self))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue, at the next `__iter__`, at the position that `state_dict` gave."""
        self.position.load_state_dict(state, len(self))
