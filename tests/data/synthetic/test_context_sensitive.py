"""Context-sensitive tasks: every answer agrees with one that is computed another way."""

import operator
from collections.abc import Callable

import numpy as np
import pytest

from throughtime.data.synthetic.context_sensitive import (
    BinaryAddition,
    BinaryMultiplication,
    BucketSort,
    ComputeSqrt,
    DuplicateString,
    MissingDuplicate,
    OddsFirst,
)
from throughtime.data.synthetic.transduction import Transduction


def letters(rule: Transduction, length: int) -> list[tuple[str, str]]:
    """Words and answers as text; what is after the end is left out."""
    words, answers = rule.pairs(np.random.default_rng(length), 100, length)
    assert words.shape == (100, length)
    return [
        (
            "".join(rule.input_symbols[symbol] for symbol in word),
            "".join(rule.output_symbols[symbol][0] for symbol in answer if symbol >= 0),
        )
        for word, answer in zip(words.tolist(), answers.tolist(), strict=True)
    ]


@pytest.mark.parametrize("length", [1, 6, 7])
def test_words_are_repeated_reordered_and_sorted(length: int) -> None:
    for word, answer in letters(DuplicateString(), length):
        assert answer == 2 * word
    for word, answer in letters(OddsFirst(), length):
        assert answer == word[::2] + word[1::2]
    for word, answer in letters(BucketSort(), length):
        assert answer == "".join(sorted(word))


def test_the_missing_symbol_completes_a_double_word() -> None:
    for word, answer in letters(MissingDuplicate(), 10):
        whole = word.replace("_", answer)
        assert word.count("_") == 1 and whole[:5] == whole[5:]


@pytest.mark.parametrize(
    ("rule", "sign", "function"),
    [(BinaryAddition(), "+", operator.add), (BinaryMultiplication(), "*", operator.mul)],
)
@pytest.mark.parametrize("length", [3, 4, 12])
def test_binary_arithmetic_is_that_of_numbers(
    rule: Transduction, sign: str, function: Callable[[int, int], int], length: int
) -> None:
    for word, answer in letters(rule, length):
        a, b = (int(number[::-1], 2) for number in word.split(sign))
        assert answer[-1] == "e" and answer[:-1][::-1] == f"{function(a, b):b}"


@pytest.mark.parametrize("length", [1, 2, 9])
def test_the_square_root_is_the_greatest_number_whose_square_is_no_greater(length: int) -> None:
    for word, answer in letters(ComputeSqrt(), length):
        number, root = int(word, 2), int(answer, 2)
        assert root**2 <= number < (root + 1) ** 2 and len(answer) == -(-length // 2)
