"""Batches of a rule: drawn anew in every training step, the same in every evaluation."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from throughtime.data.batch import Batch, Chunk
from throughtime.data.position import Position
from throughtime.data.synthetic.rule import Rule


class RuleBatches:
    """Training batches; each has one length, drawn uniformly from a range, and sequences that no other batch has.

    A batch is a function of the seed, the epoch and its number alone, so that a resumed run goes on with the next one.

    Args:
        rule: draws the sequences.
        first, last: the range of lengths.
        batch_size: B.
        batches: of an epoch.
        seed: of the draws.
    """

    def __init__(self, rule: Rule, first: int, last: int, batch_size: int, batches: int, seed: int) -> None:
        self.rule = rule
        self.first, self.last = first, last
        self.batch_size = batch_size
        self.batches = batches
        self.seed = seed
        self.position = Position()

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[Batch]:
        self.position.begin(len(self))
        return self._rest()

    def _rest(self) -> Iterator[Batch]:
        while self.position.batch < len(self):
            epoch, number = self.position.epoch, self.position.batch
            self.position.advance()
            yield self._drawn(epoch, number)

    def _drawn(self, epoch: int, number: int) -> Batch:
        generator = np.random.default_rng((self.seed, 0, epoch, number))
        length = int(generator.integers(self.first, self.last + 1))
        return _batch(self.rule, generator, self.batch_size, self.rule.nearest_length(length))

    def state_dict(self) -> dict[str, Any]:
        """The epoch and the next batch."""
        return self.position.state_dict(len(self))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue, at the next `__iter__`, at the position that `state_dict` gave."""
        self.position.load_state_dict(state, len(self))


class MeasuredBatches:
    """A batch of each of some lengths; they depend on no seed of a run, so that runs are measured on the same ones.

    Args:
        rule: draws the sequences.
        lengths: of the batches.
        batch_size: B, the sequences of each length.
        split: the number of the split, from 1.
    """

    def __init__(self, rule: Rule, lengths: Sequence[int], batch_size: int, split: int) -> None:
        self.rule = rule
        self.lengths = list(lengths)
        self.batch_size = batch_size
        self.split = split

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[Batch]:
        for length in self.lengths:
            generator = np.random.default_rng((0, self.split, length))
            yield _batch(self.rule, generator, self.batch_size, length)


def _batch(rule: Rule, generator: np.random.Generator, batch_size: int, length: int) -> Batch:
    inputs, targets, mask = map(
        lambda values: None if values is None else torch.from_numpy(values),
        rule.draw(generator, batch_size, length),
    )
    return Batch(Chunk(inputs), targets, mask)
