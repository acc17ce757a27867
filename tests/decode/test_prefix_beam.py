"""Prefix beam search: wide enough, it equals an enumeration of all paths, with and without a language model."""

import itertools
import math

import numpy as np
import pytest

from throughtime.decode.ctc_path import best_path, collapse
from throughtime.decode.ngram import CharacterNGram, WordNGram, count_ngrams
from throughtime.decode.prefix_beam import PrefixBeam
from throughtime.errors import UserError

ALPHABET = ["a", "b", " "]


def random_steps(steps, seed=0, classes=4):
    logits = np.random.default_rng(seed).normal(scale=1.5, size=(steps, classes))
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def every_transcript(log_probabilities):
    """log p of every transcript, by all paths."""
    steps, classes = log_probabilities.shape
    found = {}
    for path in itertools.product(range(classes), repeat=steps):
        symbols = tuple(collapse(path))
        one = log_probabilities[np.arange(steps), list(path)].sum()
        found[symbols] = np.logaddexp(found.get(symbols, -np.inf), one)
    return found


def language_models():
    characters = CharacterNGram(count_ngrams(map(list, ["ab", "ab a", "abba", "a"]), 3))
    return [None, characters, WordNGram(count_ngrams([["ab", "a"], ["b"], ["ab"]], 2))]


def score(model, symbols):
    if model is None:
        return 0.0
    total, state = 0.0, model.initial_state()
    for number in symbols:
        gained, state = model.extend(state, ALPHABET[number - 1])
        total += gained
    return total + model.finish(state)


@pytest.mark.parametrize("kind", range(3))
@pytest.mark.parametrize("seed", range(5))
def test_a_wide_beam_is_exhaustive(kind, seed):
    log_probabilities = random_steps(5, seed)
    model = language_models()[kind]
    weight, insertion = 0.7, 0.3
    expected = {
        symbols: one + weight * score(model, symbols) + insertion * len(symbols)
        for symbols, one in every_transcript(log_probabilities).items()
    }
    found = PrefixBeam(10_000, model, ALPHABET, weight, insertion, prune=math.inf)(log_probabilities)
    assert {tuple(one.symbols) for one in found} == set(expected)
    for one in found:
        assert one.score == pytest.approx(expected[tuple(one.symbols)])
    assert tuple(found[0].symbols) == max(expected, key=lambda symbols: expected[symbols])


def test_it_finds_what_the_best_path_misses():
    """Two paths to one transcript are together more probable than the best one (Graves et al. 2006, figure 2)."""
    log_probabilities = np.log([[0.6, 0.4], [0.6, 0.4]])
    assert best_path(log_probabilities) == []
    found = PrefixBeam(4, prune=math.inf)(log_probabilities)[0]
    assert found.symbols == [1] and math.exp(found.log_probability) == pytest.approx(0.64)


def test_of_one_prefix_it_follows_the_best_one():
    log_probabilities = np.log([[0.05, 0.9, 0.05], [0.9, 0.05, 0.05], [0.05, 0.05, 0.9]])
    assert PrefixBeam(1)(log_probabilities)[0].symbols == [1, 2]


def test_a_language_model_decides_where_the_frames_do_not():
    log_probabilities = np.log([[0.02, 0.94, 0.02, 0.02], [0.96, 0.02, 0.01, 0.01], [0.02, 0.47, 0.49, 0.02]])
    assert PrefixBeam(16, None, ALPHABET)(log_probabilities)[0].symbols == [1, 2]
    repeats = CharacterNGram(count_ngrams(map(list, ["aa", "aaa", "aa"]), 2))
    assert PrefixBeam(16, repeats, ALPHABET, weight=1.0)(log_probabilities)[0].symbols == [1, 1]


def test_no_step_gives_no_symbol_and_a_width_must_be_positive():
    assert PrefixBeam(4)(np.zeros((0, 3)))[0].symbols == []
    with pytest.raises(UserError, match="width must be above 0"):
        PrefixBeam(0)
