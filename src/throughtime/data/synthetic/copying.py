"""Copying after a delay: copy memory, and a stream that is repeated some steps later."""

import math

import numpy as np

from throughtime.data.synthetic.rule import Examples, Rule
from throughtime.errors import check_positive


class CopyMemory(Rule):
    """K symbols, T - 1 blanks, a delimiter and K blanks: the answer is T + K blanks, and then the K symbols.

    Source: Hochreiter & Schmidhuber (1997), in the form of Arjovsky, Shah & Bengio (2016), arXiv 1511.06464, section
    4.1. The length is T. All steps count, blank answers too.

    Args:
        items: K.
        symbols: of which the K are drawn.
    """

    def __init__(self, items: int = 10, symbols: int = 8) -> None:
        check_positive(**{"data.rule.items": items, "data.rule.symbols": symbols})
        self.items, self.symbols = items, symbols
        self.input_sizes = {"vocabulary_size": symbols + 2}
        self.output_sizes = {"vocabulary_size": symbols + 1}

    def draw(self, generator: np.random.Generator, batch_size: int, length: int) -> Examples:
        items = generator.integers(0, self.symbols, (self.items, batch_size))
        inputs = np.full((length + 2 * self.items, batch_size), self.symbols)
        inputs[: self.items] = items
        inputs[self.items + length - 1] = self.symbols + 1
        targets = np.full_like(inputs, self.symbols)
        targets[-self.items :] = items
        return Examples(inputs, targets)

    def memoryless_loss(self, length: int) -> float:
        """K ln(symbols) / (T + 2K)."""
        return self.items * math.log(self.symbols) / (length + 2 * self.items)


class DelayedCopy(Rule):
    """y_t = x_{t-d} of symbols drawn uniformly; the first d steps do not count.

    Args:
        delay: d.
        symbols: V.
    """

    def __init__(self, delay: int = 10, symbols: int = 8) -> None:
        check_positive(**{"data.rule.delay": delay, "data.rule.symbols": symbols})
        self.delay, self.symbols = delay, symbols
        self.input_sizes = self.output_sizes = {"vocabulary_size": symbols}

    @property
    def least(self) -> int:
        return self.delay + 1

    def draw(self, generator: np.random.Generator, batch_size: int, length: int) -> Examples:
        inputs = generator.integers(0, self.symbols, (length, batch_size))
        targets = np.zeros_like(inputs)
        targets[self.delay :] = inputs[: -self.delay]
        mask = np.zeros(inputs.shape, dtype=bool)
        mask[self.delay :] = True
        return Examples(inputs, targets, mask)

    def memoryless_loss(self, length: int) -> float:
        """ln V."""
        return math.log(self.symbols)
