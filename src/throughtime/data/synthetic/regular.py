"""Regular languages: even pairs, modular arithmetic, parity and cycle navigation.

A finite automaton recognises each. Source: Delétang et al. (2023), arXiv 2207.02098, section 4 and appendix A.
"""

import math
from abc import abstractmethod

import numpy as np
from jaxtyping import Int64

from throughtime.data.synthetic.rule import Examples
from throughtime.data.synthetic.transduction import UNUSED, Transduction

MODULUS = 5
"""Of arithmetic, and the places of the cycle."""

Words = Int64[np.ndarray, "B n"]
Answers = Int64[np.ndarray, "B m"]


class RegularLanguage(Transduction):
    """The answer of a finite automaton, which it has after each prefix, to the whole word."""

    @abstractmethod
    def words(self, generator: np.random.Generator, batch_size: int, length: int) -> Words:
        """Words of this length."""

    @abstractmethod
    def prefix_answers(self, words: Words) -> Answers:
        """The answer to x_1 .. x_t for each t, `[B, n]`; `UNUSED` where that prefix is no word of the language."""

    def pairs(self, generator: np.random.Generator, batch_size: int, length: int) -> tuple[Words, Answers]:
        words = self.words(generator, batch_size, length)
        return words, self.prefix_answers(words)[:, -1:]

    def draw_prefixes(self, generator: np.random.Generator, batch_size: int, length: int) -> Examples:
        words = self.words(generator, batch_size, length)
        answers = self.prefix_answers(words)
        empty = np.full((batch_size, 1), len(self.input_symbols))
        targets = np.concatenate([answers, answers[:, -1:]], axis=1).T
        mask = targets != UNUSED
        inputs = np.ascontiguousarray(np.concatenate([words, empty], axis=1).T)
        return Examples(inputs, np.where(mask, targets, 0), mask)


class EvenPairs(RegularLanguage):
    """Whether the number of places where ab or ba stands is even: whether x_1 = x_n."""

    input_symbols = ("a", "b")
    output_symbols = ("odd", "even")

    def words(self, generator: np.random.Generator, batch_size: int, length: int) -> Words:
        return generator.integers(0, 2, (batch_size, length))

    def prefix_answers(self, words: Words) -> Answers:
        return (words[:, :1] == words).astype(np.int64)

    def memoryless_loss(self, length: int) -> float:
        """ln 2; of a single letter 0, since it is always even."""
        return math.log(2) if length > 1 else 0.0


class ParityCheck(RegularLanguage):
    """Whether the number of b is odd."""

    input_symbols = ("a", "b")
    output_symbols = ("even", "odd")

    def words(self, generator: np.random.Generator, batch_size: int, length: int) -> Words:
        return generator.integers(0, 2, (batch_size, length))

    def prefix_answers(self, words: Words) -> Answers:
        return words.cumsum(1) % 2

    def memoryless_loss(self, length: int) -> float:
        """ln 2."""
        return math.log(2)


class CycleNavigation(RegularLanguage):
    """The place on a cycle of five after steps of 0, +1 and -1 from place 0."""

    input_symbols = ("stay", "forward", "back")
    output_symbols = tuple("01234")

    def words(self, generator: np.random.Generator, batch_size: int, length: int) -> Words:
        return generator.integers(0, 3, (batch_size, length))

    def prefix_answers(self, words: Words) -> Answers:
        return ((words == 1).cumsum(1) - (words == 2).cumsum(1)) % MODULUS


class ModularArithmetic(RegularLanguage):
    """d_1 o_1 d_2 o_2 .. d_k modulo 5, of digits 0 to 4 and operators +, - and *, which binds first; an odd length."""

    input_symbols = (*"01234", "+", "-", "*")
    output_symbols = tuple("01234")
    stride = 2

    def words(self, generator: np.random.Generator, batch_size: int, length: int) -> Words:
        words = generator.integers(0, MODULUS, (batch_size, length))
        words[:, 1::2] = generator.integers(MODULUS, MODULUS + 3, (batch_size, length // 2))
        return words

    def prefix_answers(self, words: Words) -> Answers:
        answers = np.full_like(words, UNUSED)
        total, product = np.zeros(len(words), np.int64), words[:, 0]
        answers[:, 0] = product
        for place in range(1, words.shape[1], 2):
            operator, digit = words[:, place], words[:, place + 1]
            times = operator == MODULUS + 2
            total = np.where(times, total, total + product) % MODULUS
            signed = np.where(operator == MODULUS, digit, -digit)
            product = np.where(times, product * digit, signed) % MODULUS
            answers[:, place + 1] = (total + product) % MODULUS
        return answers
