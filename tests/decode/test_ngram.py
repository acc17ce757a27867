"""N-gram models: their probabilities add up to 1, and ARPA files say what they say."""

import math
from pathlib import Path

import pytest

from throughtime.decode.ngram import (
    END,
    START,
    UNKNOWN,
    CharacterNGram,
    WordNGram,
    count_ngrams,
    read_arpa,
    read_ngram,
)
from throughtime.errors import UserError

ARPA = """\\data\\
ngram 1=4
ngram 2=2

\\1-grams:
-0.5 a -0.3
-0.7 b
-1.0 <s> -0.2
-1.2 </s>

\\2-grams:
-0.1 <s> a
-0.4 a b

\\end\\
"""


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_the_probabilities_after_any_history_add_up_to_1(order):
    model = count_ngrams(map(list, ["abab", "abc", "b", "cab"]), order)
    for history in [(START,), (START, "a"), ("a", "b"), ("c",), ("x", "a"), ("b", "b", "a", "b"), ()]:
        total = sum(math.exp(model.log_probability(history, unit)) for unit in [*model.units, END, UNKNOWN])
        assert total == pytest.approx(1), history


def test_a_text_that_was_counted_is_more_probable_than_another():
    model = CharacterNGram(count_ngrams(map(list, ["the cat", "the hat"] * 5), 3))

    def total(text):
        state, found = model.initial_state(), 0.0
        for one in text:
            gained, state = model.extend(state, one)
            found += gained
        return found + model.finish(state)

    assert total("the cat") > total("the tac") > total("xqz qxx")


def test_witten_bell_by_hand():
    model = count_ngrams([["a", "b"], ["a", "a"]], 2)
    # Unigrams of 6: a 3, b 1, </s> 2, <unk> 0; three kinds.
    unigram = {"a": (3 + 3 / 4) / 9, "b": (1 + 3 / 4) / 9, END: (2 + 3 / 4) / 9, UNKNOWN: (3 / 4) / 9}
    for unit, expected in unigram.items():
        assert math.exp(model.log_probability((), unit)) == pytest.approx(expected)
    # After a: b 1, a 1, </s> 1.
    assert math.exp(model.log_probability(("a",), "b")) == pytest.approx((1 + 3 * unigram["b"]) / 6)
    assert math.exp(model.log_probability(("a",), "x")) == pytest.approx(3 * unigram[UNKNOWN] / 6)


def test_an_arpa_file_with_back_off():
    model = read_arpa(ARPA, "lm.arpa")
    assert model.order == 2
    assert model.log_probability((START,), "a") == pytest.approx(-0.1 * math.log(10))
    assert model.log_probability(("a",), "b") == pytest.approx(-0.4 * math.log(10))
    assert model.log_probability(("a",), "a") == pytest.approx(-0.8 * math.log(10))
    assert model.log_probability(("b",), END) == pytest.approx(-1.2 * math.log(10))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\\data\\\n\\1-grams:\n-0.5 a b c\n", r"lm.arpa, line 3: an n-gram of 1"),
        ("\\data\\\n\\1-grams:\nx a\n", r"lm.arpa, line 3: the logarithms must be numbers"),
        ("\\data\\\n\\1-grams:\nnan a\n", r"lm.arpa, line 3: the logarithms must be numbers"),
        ("\\data\\\n\\1-grams:\n-1 a inf\n", r"lm.arpa, line 3: the logarithms must be numbers"),
        ("\\data\\\n\\²-grams:\n-1 a b\n", "no n-gram in the ARPA format"),
        ("\\data\\\n", "no n-gram in the ARPA format"),
    ],
)
def test_a_damaged_arpa_file_is_refused(text, message):
    with pytest.raises(UserError, match=message):
        read_arpa(text, "lm.arpa")


def test_the_unit_follows_from_the_file_unless_it_is_given():
    words = ARPA.replace(" a", " ape").replace(" b", " bee")
    assert isinstance(read_ngram(Path("x.arpa"), ARPA), CharacterNGram)
    assert isinstance(read_ngram(Path("x.arpa"), words), WordNGram)
    assert isinstance(read_ngram(Path("x.txt"), "a b\nc d\n"), CharacterNGram)
    assert isinstance(read_ngram(Path("x.txt"), "a b\nc d\n", "word"), WordNGram)
    with pytest.raises(UserError, match="no text to count"):
        read_ngram(Path("x.txt"), "\n")
    with pytest.raises(UserError, match="--lm-order"):
        read_ngram(Path("x.txt"), "a\n", order=21)


def test_a_word_counts_where_it_ends():
    model = WordNGram(read_arpa(ARPA.replace(" a", " ab"), "lm.arpa"))
    state = model.initial_state()
    for symbol, expected in zip("ab b", [0, 0, -0.1, 0], strict=True):
        gained, state = model.extend(state, symbol)
        assert gained == pytest.approx(expected * math.log(10))
    assert model.finish(state) == pytest.approx((-0.4 - 1.2) * math.log(10))
