"""Temporal order: in which order a few relevant symbols came among many others."""

import math

import numpy as np

from throughtime.data.synthetic.rule import Examples, Rule
from throughtime.errors import UserError

PLACES = {2: ((0.1, 0.2), (0.5, 0.6)), 3: ((0.1, 0.2), (0.33, 0.43), (0.66, 0.76))}
"""The parts of the sequence from which the place of each relevant symbol is drawn."""


class TemporalOrder(Rule):
    """The order of 2 or 3 relevant symbols X or Y among T steps of a, b, c and d; the first step is E, the last B.

    Tasks 6a (4 classes) and 6b (8 classes) of Hochreiter & Schmidhuber (1997), Long short-term memory, section 5.6, in
    which T is 100 to 110. The length is T; only the last step counts.

    Args:
        relevant: 2 (6a) or 3 (6b).
    """

    shortest = 10

    def __init__(self, relevant: int = 2) -> None:
        if relevant not in PLACES:
            raise UserError(f"data.rule.relevant={relevant} must be 2 (task 6a) or 3 (task 6b)")
        self.relevant = relevant
        self.input_sizes = {"vocabulary_size": 8}  # a, b, c, d, X, Y, E, B
        self.output_sizes = {"vocabulary_size": 2**relevant}

    def draw(self, generator: np.random.Generator, batch_size: int, length: int) -> Examples:
        inputs = generator.integers(0, 4, (length, batch_size))
        inputs[0], inputs[-1] = 6, 7
        found = generator.integers(0, 2, (self.relevant, batch_size))
        for symbols, (first, last) in zip(found, PLACES[self.relevant], strict=True):
            start = int(first * length)
            places = generator.integers(start, max(int(last * length), start + 1), batch_size)
            inputs[places, np.arange(batch_size)] = 4 + symbols
        targets = np.zeros_like(inputs)
        targets[-1] = 2 ** np.arange(self.relevant)[::-1] @ found
        mask = np.zeros(inputs.shape, dtype=bool)
        mask[-1] = True
        return Examples(inputs, targets, mask)

    def memoryless_loss(self, length: int) -> float:
        """ln of the number of classes."""
        return self.relevant * math.log(2)
