"""The parts of data, and the fractions by which data are split into them."""

from collections.abc import Sequence

from throughtime.errors import UserError

SPLIT_NAMES = ("train", "val", "test")


def check_split_fractions(split: Sequence[float | int]) -> tuple[float, ...]:
    """The three fractions, checked: none below 0, training above 0, and 1 together."""
    if isinstance(split, str) or not all(isinstance(fraction, float | int) for fraction in split):
        raise UserError(f"data.split={split} must be three fractions such as [0.9,0.05,0.05]")
    fractions = tuple(float(fraction) for fraction in split)
    if len(fractions) != 3 or min(fractions) < 0 or fractions[0] == 0 or abs(sum(fractions) - 1) > 1e-6:
        raise UserError(
            f"data.split={list(fractions)} must be three fractions for training (above 0), validation and "
            "test that make 1 together, such as [0.9,0.05,0.05]"
        )
    return fractions
