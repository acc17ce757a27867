"""Two ways to do the same work, timed in turns."""

import statistics
from collections.abc import Callable


def compare(ours: Callable[[], float], theirs: Callable[[], float], rounds: int) -> dict[str, float]:
    """The rates (work a second) of both sides, which take turns, and the ratio ours / theirs of each turn.

    One turn of each before the first that counts warms caches, allocators and clocks up.
    """
    ours()
    theirs()
    pairs = []
    for turn in range(
        rounds
    ):  # who goes first changes, so that neither always finds the machine as the other left it
        first, second = (ours, theirs) if turn % 2 == 0 else (theirs, ours)
        rates = first(), second()
        pairs.append(rates if turn % 2 == 0 else rates[::-1])
    ratios = [one / other for one, other in pairs]
    return {
        "ours (median)": statistics.median(one for one, _ in pairs),
        "theirs (median)": statistics.median(other for _, other in pairs),
        "ratio (median)": statistics.median(ratios),
        "ratio (lowest)": min(ratios),
        "ratio (highest)": max(ratios),
    }
