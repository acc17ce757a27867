"""Paths of CTC against an enumeration of all of them."""

import itertools

import numpy as np
import pytest

from throughtime.decode.ctc_path import align, best_path, collapse, log_likelihood


def random_steps(steps, classes, seed=0):
    logits = np.random.default_rng(seed).normal(scale=2, size=(steps, classes))
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def paths(steps, classes):
    return itertools.product(range(classes), repeat=steps)


def total(log_probabilities, path):
    return log_probabilities[np.arange(len(path)), list(path)].sum()


@pytest.mark.parametrize(
    ("path", "symbols"), [([], []), ([0, 0], []), ([1, 1, 0, 1, 2, 2], [1, 1, 2]), ([2, 1, 1, 0], [2, 1])]
)
def test_collapse(path, symbols):
    assert collapse(path) == symbols


def test_the_likelihood_is_the_sum_over_all_paths():
    log_probabilities = random_steps(5, 3)
    found: dict[tuple[int, ...], float] = {}
    for path in paths(5, 3):
        symbols = tuple(collapse(path))
        found[symbols] = np.logaddexp(found.get(symbols, -np.inf), total(log_probabilities, path))
    for symbols, expected in found.items():
        assert log_likelihood(log_probabilities, symbols) == pytest.approx(expected)
    assert np.logaddexp.reduce(list(found.values())) == pytest.approx(0, abs=1e-9)
    assert log_likelihood(log_probabilities, [1, 1, 1, 2]) == -np.inf


@pytest.mark.parametrize("symbols", [[1], [1, 1], [2, 1], [1, 2, 1], [2, 2, 1]])
@pytest.mark.parametrize("seed", range(4))
def test_an_alignment_is_the_most_probable_path(symbols, seed):
    log_probabilities = random_steps(6, 3, seed)
    fitting = [path for path in paths(6, 3) if collapse(path) == symbols]
    best = max(fitting, key=lambda path: total(log_probabilities, path))
    spans = align(log_probabilities, symbols)
    expected = []
    for symbol, group in itertools.groupby(range(6), key=lambda step: best[step]):
        steps = list(group)
        if symbol:
            peak = max(steps, key=lambda step: log_probabilities[step, symbol])
            expected.append((steps[0], steps[-1] + 1, peak))
    assert spans == expected


def test_what_cannot_be_aligned_has_no_spans():
    assert align(random_steps(2, 3), [1, 1]) == []
    assert align(random_steps(2, 3), []) == []
    assert align(np.zeros((0, 3)), [1]) == []


def test_the_best_path_takes_the_most_probable_class_of_each_step():
    log_probabilities = random_steps(7, 4)
    assert best_path(log_probabilities) == collapse(log_probabilities.argmax(1).tolist())
