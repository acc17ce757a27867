"""Context-free tasks: every answer agrees with one that is computed another way."""

import numpy as np
import pytest

from throughtime.data.synthetic.context_free import (
    BracketedArithmetic,
    ReverseString,
    SolveEquation,
    StackManipulation,
)


def test_a_reversed_word_read_backwards_is_the_word() -> None:
    words, answers = ReverseString().pairs(np.random.default_rng(0), 20, 7)
    assert np.array_equal(answers[:, ::-1], words)


def test_the_stack_is_that_of_its_actions() -> None:
    rule = StackManipulation()
    words, answers = rule.pairs(np.random.default_rng(0), 300, 9)
    emptied = 0
    for word, answer in zip(words.tolist(), answers.tolist(), strict=True):
        stack = ""
        for symbol in (rule.input_symbols[number] for number in word):
            stack = stack[1:] if symbol == "pop" else symbol.removeprefix("push ") + stack
        ended = answer.index(2)
        assert "".join("ab"[symbol] for symbol in answer[:ended]) == stack
        emptied += not stack
    assert emptied  # of such stacks the end is the first symbol


@pytest.mark.parametrize("length", range(1, 16))
def test_the_value_of_an_expression_is_that_of_python(length: int) -> None:
    rule = BracketedArithmetic()
    words, answers = rule.pairs(np.random.default_rng(length), 30, length)
    assert words.shape == (30, length)
    for word, (answer,) in zip(words.tolist(), answers.tolist(), strict=True):
        assert eval("".join(rule.input_symbols[symbol] for symbol in word)) % 5 == answer


@pytest.mark.parametrize("length", [3, 4, 5, 8, 13, 20])
def test_an_equation_has_the_answer_as_its_only_solution(length: int) -> None:
    rule = SolveEquation()
    words, answers = rule.pairs(np.random.default_rng(length), 30, length)
    assert words.shape == (30, length)
    for word, (answer,) in zip(words.tolist(), answers.tolist(), strict=True):
        left, right = "".join(rule.input_symbols[symbol] for symbol in word).split("=")
        assert [z for z in range(5) if (eval(left, {"z": z}) - int(right)) % 5 == 0] == [answer]
