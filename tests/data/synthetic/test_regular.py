"""Regular languages: every answer agrees with one that is computed another way."""

from itertools import pairwise

import numpy as np
import pytest

from throughtime.data.synthetic.regular import (
    CycleNavigation,
    EvenPairs,
    ModularArithmetic,
    ParityCheck,
    RegularLanguage,
)
from throughtime.data.synthetic.transduction import Transduction


def drawn(rule: Transduction, length: int) -> list[tuple[list[str], str]]:
    words, answers = rule.pairs(np.random.default_rng(length), 200, length)
    assert answers.shape == (200, 1)
    return [
        ([rule.input_symbols[symbol] for symbol in word], rule.output_symbols[answer])
        for word, (answer,) in zip(words.tolist(), answers.tolist(), strict=True)
    ]


@pytest.mark.parametrize("length", [1, 2, 7])
def test_even_pairs_counts_the_changes(length: int) -> None:
    for word, answer in drawn(EvenPairs(), length):
        assert answer == ("odd" if sum(a != b for a, b in pairwise(word)) % 2 else "even")


@pytest.mark.parametrize("length", [1, 8])
def test_parity_counts_the_letters(length: int) -> None:
    for word, answer in drawn(ParityCheck(), length):
        assert answer == ("odd" if word.count("b") % 2 else "even")


@pytest.mark.parametrize("length", [1, 23])
def test_the_cycle_is_walked_step_by_step(length: int) -> None:
    for word, answer in drawn(CycleNavigation(), length):
        place = 0
        for step in word:
            place = {"stay": place, "forward": (place + 1) % 5, "back": (place + 4) % 5}[step]
        assert answer == str(place)


@pytest.mark.parametrize("length", [1, 3, 11])
def test_modular_arithmetic_is_that_of_python(length: int) -> None:
    for word, answer in drawn(ModularArithmetic(), length):
        assert answer == str(eval("".join(word)) % 5)


@pytest.mark.parametrize("rule", [EvenPairs(), ParityCheck(), CycleNavigation(), ModularArithmetic()])
def test_the_answer_to_a_prefix_is_that_of_the_prefix_as_a_word(rule: RegularLanguage) -> None:
    words = rule.words(np.random.default_rng(0), 50, 9)
    for steps in range(1, 10, rule.stride):
        whole = rule.prefix_answers(words)[:, steps - 1]
        assert np.array_equal(whole, rule.prefix_answers(words[:, :steps])[:, -1])
    drawn = rule.draw_prefixes(np.random.default_rng(0), 50, 9)
    last = rule.draw(np.random.default_rng(0), 50, 9)
    assert np.array_equal(drawn.inputs, last.inputs) and np.array_equal(drawn.targets[-1], last.targets[-1])
    assert drawn.mask.sum() == 50 * (10 if rule.stride == 1 else 6)
