"""Interleaved timing of two workloads: they alternate in one process, so that both see the same machine."""

import itertools
import statistics
import time
from collections.abc import Callable

MIN_ROUNDS, MAX_ROUNDS = 3, 50
LONG = 3.0  # seconds of rounds after which the minimum does not hold: long workloads vary little


def compare_rates(ours: Callable[[], float], theirs: Callable[[], float], rounds: int) -> dict[str, float]:
    """Medians of the interleaved rates of both sides, and of the ratio ours / theirs of each round.

    A round before the first warms caches, allocators and clocks up.

    Args:
        ours, theirs: do the work once and return its rate, in work a second.
        rounds: how often.
    """
    ours()
    theirs()
    pairs = [_round(index, ours, theirs) for index in range(rounds)]
    ratios = [one / other for one, other in pairs]
    return {
        "ours (median)": statistics.median(one for one, _ in pairs),
        "theirs (median)": statistics.median(other for _, other in pairs),
        "ratio (median)": statistics.median(ratios),
        "ratio (lowest)": min(ratios),
        "ratio (highest)": max(ratios),
    }


def median_seconds(
    ours: Callable[[], None], theirs: Callable[[], None], enough: float
) -> tuple[float, float, int]:
    """Median seconds of two interleaved workloads, and the number of rounds.

    A round before the first warms caches, allocators and clocks up.

    Args:
        ours, theirs: do the work once.
        enough: seconds of rounds, after the minimum of them.
    """
    ours()
    theirs()
    start, pairs = time.perf_counter(), []
    for index in itertools.count():
        passed = time.perf_counter() - start
        if index >= MAX_ROUNDS or (passed > enough and index >= MIN_ROUNDS) or passed > LONG:
            break
        pairs.append(_round(index, lambda: _seconds(ours), lambda: _seconds(theirs)))
    mine, others = zip(*pairs, strict=True)
    return statistics.median(mine), statistics.median(others), len(pairs)


def _round(index: int, ours: Callable[[], float], theirs: Callable[[], float]) -> tuple[float, float]:
    """Both sides once; the order alternates, so that neither always finds the caches that the other left."""
    first, second = (ours, theirs) if index % 2 == 0 else (theirs, ours)
    values = first(), second()
    return values if index % 2 == 0 else values[::-1]


def _seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
