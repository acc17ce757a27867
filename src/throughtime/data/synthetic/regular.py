"""Regular languages: even pairs, modular arithmetic, parity and cycle navigation.

A finite automaton recognises each. Source: Delétang et al. (2023), arXiv 2207.02098, section 4 and appendix A.
"""

import math

import numpy as np
from jaxtyping import Int64

from throughtime.data.synthetic.transduction import Transduction

MODULUS = 5
"""Of arithmetic, and the places of the cycle."""

Words = Int64[np.ndarray, "B n"]
Answers = Int64[np.ndarray, "B m"]


class EvenPairs(Transduction):
    """Whether the number of places where ab or ba stands is even: whether x_1 = x_n."""

    input_symbols = ("a", "b")
    output_symbols = ("odd", "even")

    def pairs(self, generator: np.random.Generator, batch_size: int, length: int) -> tuple[Words, Answers]:
        words = generator.integers(0, 2, (batch_size, length))
        return words, (words[:, :1] == words[:, -1:]).astype(np.int64)

    def memoryless_loss(self, length: int) -> float:
        """ln 2; of a single letter 0, since it is always even."""
        return math.log(2) if length > 1 else 0.0


class ParityCheck(Transduction):
    """Whether the number of b is odd."""

    input_symbols = ("a", "b")
    output_symbols = ("even", "odd")

    def pairs(self, generator: np.random.Generator, batch_size: int, length: int) -> tuple[Words, Answers]:
        words = generator.integers(0, 2, (batch_size, length))
        return words, words.sum(1, keepdims=True) % 2

    def memoryless_loss(self, length: int) -> float:
        """ln 2."""
        return math.log(2)


class CycleNavigation(Transduction):
    """The place on a cycle of five after steps of 0, +1 and -1 from place 0."""

    input_symbols = ("stay", "forward", "back")
    output_symbols = tuple("01234")

    def pairs(self, generator: np.random.Generator, batch_size: int, length: int) -> tuple[Words, Answers]:
        words = generator.integers(0, 3, (batch_size, length))
        steps = (words == 1).sum(1, keepdims=True) - (words == 2).sum(1, keepdims=True)
        return words, steps % MODULUS


class ModularArithmetic(Transduction):
    """d_1 o_1 d_2 o_2 .. d_k modulo 5, of digits 0 to 4 and operators +, - and *, which binds first; an odd length."""

    input_symbols = (*"01234", "+", "-", "*")
    output_symbols = tuple("01234")
    stride = 2

    def pairs(self, generator: np.random.Generator, batch_size: int, length: int) -> tuple[Words, Answers]:
        words = generator.integers(0, MODULUS, (batch_size, length))
        words[:, 1::2] = generator.integers(MODULUS, MODULUS + 3, (batch_size, length // 2))
        total, product = np.zeros(batch_size, np.int64), words[:, 0]
        for place in range(1, length, 2):
            operator, digit = words[:, place], words[:, place + 1]
            times = operator == MODULUS + 2
            total = np.where(times, total, total + product) % MODULUS
            signed = np.where(operator == MODULUS, digit, -digit)
            product = np.where(times, product * digit, signed) % MODULUS
        return words, ((total + product) % MODULUS)[:, None]
