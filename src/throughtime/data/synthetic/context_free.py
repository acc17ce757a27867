"""Deterministic context-free tasks: stack manipulation, reversal, arithmetic with brackets, and equations.

A stack solves each. Source: Delétang et al. (2023), arXiv 2207.02098, section 4 and appendix A.
"""

import math

import numpy as np
from jaxtyping import Int64

from throughtime.data.synthetic.regular import MODULUS
from throughtime.data.synthetic.transduction import Transduction, padded

Words = Int64[np.ndarray, "B n"]
Answers = Int64[np.ndarray, "B m"]

POP, PUSH = 2, 3
PLUS, MINUS, TIMES, OPEN, CLOSE, UNKNOWN, EQUALS = range(MODULUS, MODULUS + 7)


class ReverseString(Transduction):
    """x_n .. x_1."""

    input_symbols = ("a", "b")
    output_symbols = ("a", "b")

    def pairs(self, generator: np.random.Generator, batch_size: int, length: int) -> tuple[Words, Answers]:
        words = generator.integers(0, 2, (batch_size, length))
        return words, words[:, ::-1].copy()

    def memoryless_loss(self, length: int) -> float:
        """ln 2."""
        return math.log(2)


class StackManipulation(Transduction):
    """The stack, from its top, after pops and pushes; x is the first stack from its bottom, and then the actions.

    A pop from an empty stack changes nothing. The answer ends with an end symbol.
    """

    input_symbols = ("a", "b", "pop", "push a", "push b")
    output_symbols = ("a", "b", "end")

    def pairs(self, generator: np.random.Generator, batch_size: int, length: int) -> tuple[Words, Answers]:
        sizes = generator.integers(1, length + 1, (batch_size, 1))
        is_stack = np.arange(length) < sizes
        stacks = generator.integers(0, 2, (batch_size, length))
        words = np.where(is_stack, stacks, generator.integers(POP, PUSH + 2, (batch_size, length)))
        answers = []
        for word in words.tolist():
            stack: list[int] = []
            for symbol in word:
                if symbol != POP:
                    stack.append(symbol if symbol < POP else symbol - PUSH)
                elif stack:
                    stack.pop()
            answers.append(stack[::-1])
        return words, padded(answers, length + 1, end=2)


class BracketedArithmetic(Transduction):
    """The value modulo 5 of an expression of digits, +, -, *, signs and brackets.

    E -> d | -d | (d) | (-d) | (E o E), where the lengths of the two parts are drawn uniformly.
    """

    input_symbols = (*"01234", *"+-*()")
    output_symbols = tuple("01234")

    def pairs(self, generator: np.random.Generator, batch_size: int, length: int) -> tuple[Words, Answers]:
        found = [_expression(generator, length, (PLUS, MINUS, TIMES)) for _ in range(batch_size)]
        return np.array([word for word, _ in found]), np.array([[value % MODULUS] for _, value in found])


class SolveEquation(Transduction):
    """The digit z that solves E = d modulo 5, where one digit of the expression E is replaced by z.

    E is as in `BracketedArithmetic`, without products, so that there is one solution.
    """

    shortest = 3
    input_symbols = (*"01234", *"+-*()z=")
    output_symbols = tuple("01234")

    def pairs(self, generator: np.random.Generator, batch_size: int, length: int) -> tuple[Words, Answers]:
        words, answers = [], []
        for _ in range(batch_size):
            word, value = _expression(generator, length - 2, (PLUS, MINUS))
            digits = [place for place, symbol in enumerate(word) if symbol < MODULUS]
            place = digits[generator.integers(len(digits))]
            answers.append([word[place]])
            word[place] = UNKNOWN
            words.append([*word, EQUALS, value % MODULUS])
        return np.array(words), np.array(answers)


def _expression(
    generator: np.random.Generator, length: int, operators: tuple[int, ...]
) -> tuple[list[int], int]:
    """A random expression of this length, and its value modulo 5."""
    if length <= 4:
        digit = int(generator.integers(MODULUS))
        signed = [MINUS, digit] if length % 2 == 0 else [digit]
        return [OPEN, *signed, CLOSE] if length > 2 else signed, -digit if length % 2 == 0 else digit
    left = int(generator.integers(1, length - 3))
    first, a = _expression(generator, left, operators)
    second, b = _expression(generator, length - 3 - left, operators)
    operator = operators[generator.integers(len(operators))]
    value = a + b if operator == PLUS else a - b if operator == MINUS else a * b
    return [OPEN, *first, operator, *second, CLOSE], value % MODULUS
