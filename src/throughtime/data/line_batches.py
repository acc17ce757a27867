"""Sequences that stand for themselves, in padded batches of about equal lengths."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from jaxtyping import Integer

from throughtime.data.batch import Batch
from throughtime.data.position import Position
from throughtime.errors import check_positive

WINDOW = 50
"""Batches whose sequences are sorted by length together: enough to save padding, and still random."""


class LineBatches:
    """Batches of whole sequences: `<start> a b c` is the input, `a b c <end>` the target.

    Each epoch shuffles the sequences, sorts stretches of them by length, cuts those into batches and shuffles
    the batches, all as a function of the seed and the epoch alone. Without `shuffle` the sequences are sorted
    by length once, and every epoch is the same. The steps of a batch are those of its longest sequence.

    Args:
        ids: the symbols of all sequences, one after another, `[N]`.
        starts: where each sequence begins in `ids`, `[n]`.
        start, end: the ids of the two boundaries.
        batch_size: B; the last batch of a stretch may have fewer lanes.
        shuffle: whether each epoch has another order.
        seed: of the orders.
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
        check_positive(batch_size=batch_size)
        self.ids = ids
        self.start = start
        self.end = end
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.position = Position()
        self._starts = starts
        self._symbols = np.diff(starts, append=len(ids))
        self._cuts: list[np.ndarray] = []
        self._cuts_epoch = -1

    def __len__(self) -> int:
        sizes = self._stretches()
        return int((-(-sizes // self.batch_size)).sum())

    def __iter__(self) -> Iterator[Batch]:
        self.position.begin(len(self))
        return self._batches()

    def _batches(self) -> Iterator[Batch]:
        while self.position.batch < len(self):
            epoch, index = self.position.epoch, self.position.batch
            self.position.advance()
            yield self._batch(self._order(epoch)[index])

    def _stretches(self) -> np.ndarray:
        """How many sequences each stretch has that is sorted by length."""
        size = WINDOW * self.batch_size if self.shuffle else len(self._starts)
        return np.diff(np.append(np.arange(0, len(self._starts), size), len(self._starts)))

    def _order(self, epoch: int) -> list[np.ndarray]:
        """The sequences of every batch of an epoch."""
        if not self.shuffle:
            epoch = 0
        if epoch != self._cuts_epoch:
            generator = np.random.default_rng((self.seed, epoch))
            count = len(self._starts)
            lines = generator.permutation(count) if self.shuffle else np.arange(count)
            cuts = []
            for stretch in np.split(lines, np.cumsum(self._stretches())[:-1]):
                stretch = stretch[np.argsort(self._symbols[stretch], kind="stable")]
                cuts += np.split(stretch, range(self.batch_size, len(stretch), self.batch_size))
            order = generator.permutation(len(cuts)) if self.shuffle else range(len(cuts))
            self._cuts, self._cuts_epoch = [cuts[index] for index in order], epoch
        return self._cuts

    def _batch(self, lines: Integer[np.ndarray, " B"]) -> Batch:
        symbols = self._symbols[lines]
        steps = np.arange(symbols.max() + 1)[:, None]
        places = np.minimum(self._starts[lines] + steps, len(self.ids) - 1)
        targets = np.where(steps < symbols, self.ids[places].astype(np.int64), 0)
        targets[symbols, np.arange(len(lines))] = self.end
        inputs = np.roll(targets, 1, axis=0)
        inputs[steps > symbols] = 0
        inputs[0] = self.start
        return Batch(
            inputs=torch.from_numpy(inputs),
            targets=torch.from_numpy(targets),
            fresh=True,
            lengths=torch.from_numpy(symbols + 1),
        )

    def state_dict(self) -> dict[str, Any]:
        """The epoch and the next batch."""
        return self.position.state_dict(len(self))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on, at the next `__iter__`, from a position that `state_dict` told."""
        self.position.load_state_dict(state, len(self))
