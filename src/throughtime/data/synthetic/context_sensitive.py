"""Context-sensitive tasks: duplication, missing duplicate, odds first, binary arithmetic, and bucket sort.

A linear tape solves each. Source: Delétang et al. (2023), arXiv 2207.02098, section 4 and appendix A. Of numbers that
are added or multiplied the lowest bit comes first, of a square root the highest.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int64

from throughtime.data.synthetic.transduction import Transduction, padded

Words = Int64[np.ndarray, "B n"]
Answers = Int64[np.ndarray, "B m"]

SORTED = 5
"""Symbols of bucket sort."""


class DuplicateString(Transduction):
    """x x: the word twice."""

    input_symbols = ("a", "b")
    output_symbols = ("a", "b")

    def pairs(self, generator: np.random.Generator, batch_size: int, length: int) -> tuple[Words, Answers]:
        words = generator.integers(0, 2, (batch_size, length))
        return words, np.concatenate([words, words], axis=1)

    def memoryless_loss(self, length: int) -> float:
        """ln 2."""
        return math.log(2)


class MissingDuplicate(Transduction):
    """The symbol of w w that a placeholder hides; an even length."""

    shortest = 2
    stride = 2
    input_symbols = ("a", "b", "_")
    output_symbols = ("a", "b")

    def pairs(self, generator: np.random.Generator, batch_size: int, length: int) -> tuple[Words, Answers]:
        half = generator.integers(0, 2, (batch_size, length // 2))
        words = np.concatenate([half, half], axis=1)
        rows, places = np.arange(batch_size), generator.integers(0, length, batch_size)
        answers = words[rows, places][:, None]
        words[rows, places] = 2
        return words, answers

    def memoryless_loss(self, length: int) -> float:
        """ln 2."""
        return math.log(2)


class OddsFirst(Transduction):
    """x_1 x_3 x_5 .. x_2 x_4 .."""

    input_symbols = ("a", "b")
    output_symbols = ("a", "b")

    def pairs(self, generator: np.random.Generator, batch_size: int, length: int) -> tuple[Words, Answers]:
        words = generator.integers(0, 2, (batch_size, length))
        return words, np.concatenate([words[:, ::2], words[:, 1::2]], axis=1)

    def memoryless_loss(self, length: int) -> float:
        """ln 2."""
        return math.log(2)


class _BinaryOperation(Transduction):
    """Two numbers with an operator between them, and their result without leading zeros, closed by an end symbol."""

    shortest = 3
    output_symbols = ("0", "1", "end")

    @abstractmethod
    def result(self, a: int, b: int) -> int:
        """The operator on two numbers."""

    def pairs(self, generator: np.random.Generator, batch_size: int, length: int) -> tuple[Words, Answers]:
        words = generator.integers(0, 2, (batch_size, length))
        places = generator.integers(1, length - 1, batch_size)
        words[np.arange(batch_size), places] = 2
        answers = [
            _bits(self.result(_number(word[:place]), _number(word[place + 1 :])))
            for word, place in zip(words.tolist(), places.tolist(), strict=True)
        ]
        return words, padded(answers, length, end=2)


class BinaryAddition(_BinaryOperation):
    """a + b."""

    input_symbols = ("0", "1", "+")

    def result(self, a: int, b: int) -> int:
        return a + b


class BinaryMultiplication(_BinaryOperation):
    """a * b."""

    input_symbols = ("0", "1", "*")

    def result(self, a: int, b: int) -> int:
        return a * b


class ComputeSqrt(Transduction):
    """The whole part of the square root of an n-bit number, in ceil(n / 2) bits; the highest bit comes first."""

    input_symbols = ("0", "1")
    output_symbols = ("0", "1")

    def pairs(self, generator: np.random.Generator, batch_size: int, length: int) -> tuple[Words, Answers]:
        words = generator.integers(0, 2, (batch_size, length))
        places = (length + 1) // 2
        roots = [math.isqrt(_number(word[::-1])) for word in words.tolist()]
        return words, np.array([[root >> place & 1 for place in reversed(range(places))] for root in roots])


class BucketSort(Transduction):
    """The word of five symbols in order."""

    input_symbols = tuple("12345")
    output_symbols = tuple("12345")

    def pairs(self, generator: np.random.Generator, batch_size: int, length: int) -> tuple[Words, Answers]:
        words = generator.integers(0, SORTED, (batch_size, length))
        return words, np.sort(words, axis=1)


def _number(bits: Sequence[int]) -> int:
    """The number of some bits, of which the first is the lowest."""
    return int("".join(map(str, reversed(bits))), 2)


def _bits(number: int) -> list[int]:
    """The bits of a number, the lowest first; of 0 the bit 0."""
    return [int(bit) for bit in reversed(f"{number:b}")]
