"""Paths of CTC: the most probable one, what it stands for, and the one that a transcript lies on."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Integer

BLANK = 0


class SymbolSpan(NamedTuple):
    """The steps of one symbol on a path: from `start` to before `stop`, most probable at `peak`."""

    start: int
    stop: int
    peak: int


def collapse(path: Iterable[int]) -> list[int]:
    """The symbols of a path: without repetitions, and then without blanks (Graves et al. 2006)."""
    symbols, before = [], BLANK
    for one in path:
        if one not in (before, BLANK):
            symbols.append(int(one))
        before = one
    return symbols


def best_path(log_probabilities: Float[np.ndarray, "T K"]) -> list[int]:
    """The symbols of the path of the most probable class at every step: greedy decoding."""
    return collapse(log_probabilities.argmax(1).tolist())


def log_likelihood(log_probabilities: Float[np.ndarray, "T K"], symbols: Sequence[int]) -> float:
    """log p(symbols), the sum over all paths that collapse to them, by the forward recursion.

    -∞ where the symbols cannot be aligned with the steps.
    """
    states = _states(symbols)
    skips = _skips(states)
    total = np.full(len(states), -np.inf)
    total[0] = 0.0
    emitted = log_probabilities[:, states].astype(np.float64)
    for step, emission in enumerate(emitted):
        if step == 0:
            total = np.where(np.arange(len(states)) < 2, emission, -np.inf)
            continue
        total = emission + np.logaddexp.reduce(_predecessors(total, skips))
    return float(np.logaddexp.reduce(total[-2:])) if len(emitted) else (0.0 if not symbols else -np.inf)


def align(log_probabilities: Float[np.ndarray, "T K"], symbols: Sequence[int]) -> list[SymbolSpan]:
    """The steps of each symbol on the most probable path that collapses to them (Viterbi).

    Empty where the symbols cannot be aligned with the steps.
    """
    states = _states(symbols)
    skips = _skips(states)
    emitted = log_probabilities[:, states].astype(np.float64)
    if not len(emitted) or not symbols:
        return []
    best = np.where(np.arange(len(states)) < 2, emitted[0], -np.inf)
    sources = np.zeros(emitted.shape, dtype=np.int64)
    for step in range(1, len(emitted)):
        candidates = _predecessors(best, skips)
        sources[step] = candidates.argmax(0)
        best = emitted[step] + candidates.max(0)
    state = len(states) - 1 if best[-1] >= best[-2] else len(states) - 2
    if best[state] == -np.inf:
        return []
    places = np.zeros(len(emitted), dtype=np.int64)
    for step in range(len(emitted) - 1, -1, -1):
        places[step] = state
        state -= sources[step, state]
    return [_span(emitted, places, 2 * number + 1) for number in range(len(symbols))]


def _span(emitted: Float[np.ndarray, "T N"], places: Integer[np.ndarray, " T"], state: int) -> SymbolSpan:
    steps = np.flatnonzero(places == state)
    start, stop = int(steps[0]), int(steps[-1]) + 1
    return SymbolSpan(start, stop, start + int(emitted[start:stop, state].argmax()))


def _states(symbols: Sequence[int]) -> Integer[np.ndarray, " N"]:
    """The symbols with a blank before, between and after them."""
    states = np.full(2 * len(symbols) + 1, BLANK, dtype=np.int64)
    states[1::2] = symbols
    return states


def _skips(states: Integer[np.ndarray, " N"]) -> np.ndarray:
    """Whether a state follows that two before it: a symbol that is another one than the symbol before."""
    skips = np.zeros(len(states), dtype=bool)
    skips[2:] = (states[2:] != BLANK) & (states[2:] != states[:-2])
    return skips


def _predecessors(values: Float[np.ndarray, " N"], skips: np.ndarray) -> Float[np.ndarray, "3 N"]:
    """The values of a state itself, of that before it, and of that two before it, where it may follow them."""
    never = np.full(2, -np.inf)
    one = np.concatenate([never[:1], values[:-1]])
    two = np.where(skips, np.concatenate([never, values])[: len(values)], -np.inf)
    return np.stack([values, one, two])
