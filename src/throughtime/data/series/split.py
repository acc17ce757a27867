"""Split of series by time: training, then validation, then test."""

from collections.abc import Sequence
from typing import NamedTuple

from throughtime.errors import UserError


class StepRange(NamedTuple):
    """The steps from `start` to before `stop` of a series."""

    start: int
    stop: int


def check_series_split(split: Sequence[float | int]) -> tuple[float | int, ...]:
    """The split as a tuple of three fractions that sum to at most 1, or of three lengths.

    Raises:
        UserError: neither of both.
    """
    fractions = tuple(split)
    if len(fractions) == 3 and all(fraction >= 0 for fraction in fractions) and fractions[0] > 0:
        if all(isinstance(fraction, int) for fraction in fractions) and fractions[0] > 1:
            return fractions
        if sum(fractions) <= 1 + 1e-9:
            return tuple(map(float, fractions))
    raise UserError(
        f"data.split={list(fractions)} must be three fractions of the time that sum to 1, such as [0.7, 0.1, 0.2], or "
        "three numbers of steps, such as [8640, 2880, 2880]: training, validation, test"
    )


def split_spans(length: int, split: Sequence[float | int]) -> dict[str, StepRange]:
    """The training, validation and test steps of a series of `length` steps, one after another.

    Fractions are rounded so that a whole split (fractions that sum to 1) uses every step. Lengths are counted from the
    beginning; what lies beyond them is not used, and a series that is shorter fills them in this order.
    """
    if isinstance(split[0], int):
        ends = [sum(split[: place + 1]) for place in range(3)]
    else:
        ends = [round(length * sum(split[: place + 1])) for place in range(3)]
    ends = [0, *(min(end, length) for end in ends)]
    return {
        name: StepRange(ends[place], ends[place + 1]) for place, name in enumerate(("train", "val", "test"))
    }
