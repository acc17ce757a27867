"""Rules from a word to a word: the answer is given after the whole input, on empty steps."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from jaxtyping import Int64

from throughtime.data.synthetic.rule import Examples, Rule

UNUSED = -1
"""In an answer: a place after its end, which does not count."""


class Transduction(Rule):
    """x_1 .. x_n followed by m empty symbols, at which the answer y_1 .. y_m is to be given.

    The format of Delétang et al. (2023), Neural Networks and the Chomsky Hierarchy, arXiv 2207.02098, section 4.

    Attributes:
        input_symbols: the names of the ids of x; the empty symbol is the id after them.
        output_symbols: the names of the ids of y.
    """

    input_symbols: ClassVar[tuple[str, ...]]
    output_symbols: ClassVar[tuple[str, ...]]

    @property
    def input_sizes(self) -> Mapping[str, int]:
        return {"vocabulary_size": len(self.input_symbols) + 1}

    @property
    def output_sizes(self) -> Mapping[str, int]:
        return {"vocabulary_size": len(self.output_symbols)}

    @abstractmethod
    def pairs(
        self, generator: np.random.Generator, batch_size: int, length: int
    ) -> tuple[Int64[np.ndarray, "B n"], Int64[np.ndarray, "B m"]]:
        """Words of this length, and their answers, with `UNUSED` after the end of an answer."""

    def draw(self, generator: np.random.Generator, batch_size: int, length: int) -> Examples:
        words, answers = self.pairs(generator, batch_size, length)
        empty = np.full_like(answers, len(self.input_symbols))
        targets = np.concatenate([np.full_like(words, UNUSED), answers], axis=1).T
        mask = targets != UNUSED
        return Examples(
            np.ascontiguousarray(np.concatenate([words, empty], axis=1).T), np.where(mask, targets, 0), mask
        )


def padded(answers: Sequence[Sequence[int]], steps: int, end: int) -> Int64[np.ndarray, "B m"]:
    """Answers of several lengths, each closed by `end` and filled up with `UNUSED`."""
    found = np.full((len(answers), steps), UNUSED, dtype=np.int64)
    for row, answer in zip(found, answers, strict=True):
        row[: len(answer) + 1] = [*answer, end]
    return found
