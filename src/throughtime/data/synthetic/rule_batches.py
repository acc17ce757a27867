"""Batches of a rule: drawn anew in every training step, the same in every evaluation."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from throughtime.data.batch import Batch, Chunk
from throughtime.data.position import Position
from throughtime.data.synthetic.rule import Examples, Rule


class RuleBatches:
    """Training batches; each has one length, drawn uniformly from a range, and sequences that no other batch has.

    A batch is a function of the seed, the epoch and its number alone, so that a resumed run goes on with the next one.

    Under a curriculum (Elman 1993; Zaremba & Sutskever 2014, arXiv 1410.4615) the range ends, at first, at its least
    length; its end grows over the first batches, by the same number of steps a batch, or by the same factor.

    Args:
        rule: draws the sequences.
        first, last: the range of lengths.
        batch_size: B.
        batches: of an epoch.
        seed: of the draws.
        curriculum: the batches after which the range is whole; 0 for no curriculum.
        growth: of the range: linear or geometric.
        every_prefix: whether the answer to each prefix is a target, and not the last one alone.
    """

    def __init__(
        self,
        rule: Rule,
        first: int,
        last: int,
        batch_size: int,
        batches: int,
        seed: int,
        curriculum: int = 0,
        every_prefix: bool = False,
        growth: str = "linear",
    ) -> None:
        self.rule = rule
        self.first, self.last = first, last
        self.batch_size = batch_size
        self.batches = batches
        self.seed = seed
        self.curriculum = curriculum
        self.growth = growth
        self._draw = rule.draw_prefixes if every_prefix else rule.draw
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
        length = int(generator.integers(self.first, self._longest(epoch * self.batches + number) + 1))
        return _batch(self._draw(generator, self.batch_size, self.rule.nearest_length(length)))

    def _longest(self, number: int) -> int:
        """The greatest length of a batch, by its number over all epochs."""
        if number >= self.curriculum:
            return self.last
        least = min(max(self.first, self.rule.least), self.last)
        if self.growth == "geometric":
            return int(least * (self.last / least) ** (number / self.curriculum))
        return least + (self.last - least) * number // self.curriculum

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
            yield _batch(self.rule.draw(generator, self.batch_size, length))


def _batch(examples: Examples) -> Batch:
    inputs, targets, mask = map(lambda values: None if values is None else torch.from_numpy(values), examples)
    return Batch(Chunk(inputs), targets, mask)
