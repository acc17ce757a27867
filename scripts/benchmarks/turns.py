"""Two ways to do the same work, timed in turns."""

import itertools
import statistics
import time
from collections.abc import Callable

FEWEST_ROUNDS, MOST_ROUNDS = 3, 50
LONG = 3.0  # seconds of turns after which fewer will do: what takes long is steady


def compare(ours: Callable[[], float], theirs: Callable[[], float], rounds: int) -> dict[str, float]:
    """The rates (work a second) of both sides, which take turns, and the ratio ours / theirs of each turn.

    One turn of each before the first that counts warms caches, allocators and clocks up.
    """
    ours()
    theirs()
    pairs = [_turn(turn, ours, theirs) for turn in range(rounds)]
    ratios = [one / other for one, other in pairs]
    return {
        "ours (median)": statistics.median(one for one, _ in pairs),
        "theirs (median)": statistics.median(other for _, other in pairs),
        "ratio (median)": statistics.median(ratios),
        "ratio (lowest)": min(ratios),
        "ratio (highest)": max(ratios),
    }


def medians(ours: Callable[[], None], theirs: Callable[[], None], enough: float) -> tuple[float, float, int]:
    """The median seconds of both sides, which take turns until `enough` seconds are over, and the turns.

    One turn of each comes before the first that counts.
    """
    ours()
    theirs()
    start, pairs = time.perf_counter(), []
    for turn in itertools.count():
        passed = time.perf_counter() - start
        if turn >= MOST_ROUNDS or (passed > enough and turn >= FEWEST_ROUNDS) or passed > LONG:
            break
        pairs.append(_turn(turn, lambda: _seconds(ours), lambda: _seconds(theirs)))
    mine, others = zip(*pairs, strict=True)
    return statistics.median(mine), statistics.median(others), len(pairs)


def _turn(turn: int, ours: Callable[[], float], theirs: Callable[[], float]) -> tuple[float, float]:
    """Both sides once; who goes first changes, so that neither always finds the machine as the other left it."""
    first, second = (ours, theirs) if turn % 2 == 0 else (theirs, ours)
    values = first(), second()
    return values if turn % 2 == 0 else values[::-1]


def _seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
