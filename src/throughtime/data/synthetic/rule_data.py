"""`RuleData`: sequences that a rule draws, trained on some lengths and measured on others."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from throughtime.data.base import DataModule
from throughtime.data.synthetic.rule import Rule
from throughtime.data.synthetic.rule_batches import MeasuredBatches, RuleBatches
from throughtime.errors import UserError, check_choice, check_positive, check_seed

SPLITS = ("val", "test")


class RuleData(DataModule):
    """Sequences drawn by a rule.

    Args:
        rule: draws sequences of any length.
        length: of all sequences of the splits whose range is None.
        train_lengths: the first and the last length of training; each batch has one of them, drawn uniformly.
        val_lengths: the first and the last length of validation.
        test_lengths: the same, of the test.
        val_points: the lengths of validation that are measured, evenly spread over its range; None for all.
        test_points: the same, of the test.
        batch_size: B, of training.
        eval_batch_size: the sequences of each measured length.
        batches: of an epoch.
        curriculum_batches: the first batches of training, over which the greatest length grows from the least of the
            range to its last; 0 for the whole range from the start.
        curriculum_growth: of that length: linear, or geometric for a wide range.
        every_prefix: whether training has the answer to each prefix of a word as a target, where the rule has one
            (regular languages); in validation and test the answer to the whole word alone counts.
        seed: of the training sequences; those of validation and test are the same for every seed.

    Raises:
        UserError: a range of lengths is not one, or has no length of the rule, or a split has none.
    """

    kind: ClassVar[str] = "rule"
    unit: ClassVar[str] = "targets"

    def __init__(
        self,
        rule: Rule,
        length: int | None = None,
        train_lengths: Sequence[int] | None = (1, 40),
        val_lengths: Sequence[int] | None = (41, 100),
        test_lengths: Sequence[int] | None = (41, 500),
        val_points: int | None = 10,
        test_points: int | None = 24,
        batch_size: int = 128,
        eval_batch_size: int = 128,
        batches: int = 1000,
        curriculum_batches: int = 0,
        curriculum_growth: str = "linear",
        every_prefix: bool = False,
        seed: int = 1,
    ) -> None:
        super().__init__()
        check_positive(
            **{
                "data.batch_size": batch_size,
                "data.eval_batch_size": eval_batch_size,
                "data.batches": batches,
            }
        )
        if curriculum_batches < 0:
            raise UserError(f"data.curriculum_batches={curriculum_batches} must not be below 0")
        check_choice(("linear", "geometric"), **{"data.curriculum_growth": curriculum_growth})
        self.rule = rule
        ranges = _ranges(length, {"train": train_lengths, "val": val_lengths, "test": test_lengths})
        self.train_lengths = _checked_range("data.train_lengths", ranges["train"])
        points = {"val": val_points, "test": test_points}
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.batches = batches
        self.seed = check_seed(seed)
        if rule.least > self.train_lengths[1]:
            raise UserError(
                f"data.train_lengths={list(self.train_lengths)} has no length of this rule, which begins at "
                f"{rule.least}"
            )
        self.measured = {
            split: self._measured(f"data.{split}", ranges[split], points[split]) for split in SPLITS
        }
        self._train = RuleBatches(
            rule,
            *self.train_lengths,
            batch_size,
            batches,
            self.seed,
            curriculum_batches,
            every_prefix,
            curriculum_growth,
        )

    def _measured(self, key: str, given: Sequence[int], points: int | None) -> list[int]:
        """The lengths that are measured, in increasing order."""
        first, last = _checked_range(f"{key}_lengths", given)
        if points is not None:
            check_positive(**{f"{key}_points": points})
        count = last - first + 1 if points is None else min(points, last - first + 1)
        spread = np.linspace(first, last, count).round().astype(int).tolist()
        found = sorted({near for one in spread if (near := self.rule.nearest_length(one)) >= first})
        found = [one for one in found if one <= last]
        if not found:
            raise UserError(f"{key}_lengths={[first, last]} has no length of this rule; widen the range")
        return found

    def restore(self, artifacts: dict[str, Any]) -> None:
        """Take nothing: nothing is fitted."""

    def setup(self, stage: str | None = None) -> None:
        """Do nothing: sequences are drawn batch by batch."""

    def loader(self, split: str) -> RuleBatches | MeasuredBatches:
        if split == "train":
            return self._train
        return MeasuredBatches(self.rule, self.measured[split], self.eval_batch_size, 1 + SPLITS.index(split))

    def artifacts(self) -> dict[str, Any]:
        """Sizes, the lengths that are measured by their steps, and the losses of a model without memory."""
        everything = sorted({length for lengths in self.measured.values() for length in lengths})
        return {
            "input_sizes": dict(self.rule.input_sizes),
            "output_sizes": dict(self.rule.output_sizes),
            "rule": {
                "numbers": self.rule.has_numbers,
                "train_lengths": list(self.train_lengths),
                "lengths": {self._steps(length): length for length in everything},
                "memoryless_losses": {length: self.rule.memoryless_loss(length) for length in everything},
            },
        }

    def _steps(self, length: int) -> int:
        """T of the sequences of a length."""
        return len(self.rule.draw(np.random.default_rng(0), 1, length).inputs)

    def describe(self) -> str:
        """The rule and the lengths."""
        test = self.measured["test"]
        name = type(self.rule).__name__
        return f"{name}, lengths {_span(self.train_lengths)}, tested on {_span((test[0], test[-1]))}"

    @property
    def sizes(self) -> dict[str, int]:
        """The sequences of an epoch of training, and of the other splits."""
        measured = {split: len(lengths) * self.eval_batch_size for split, lengths in self.measured.items()}
        return {"train": self.batches * self.batch_size, **measured}

    def fingerprint(self) -> dict[str, Any]:
        """The rule with its options, the seed and the lengths."""
        options = {name: one for name, one in vars(self.rule).items() if isinstance(one, int | float | str)}
        return {
            "rule": type(self.rule).__name__,
            "options": options,
            "train_lengths": list(self.train_lengths),
            "measured": self.measured,
            "seed": self.seed,
        }


def _ranges(length: int | None, given: Mapping[str, Sequence[int] | None]) -> dict[str, Sequence[int]]:
    """The range of lengths of each split; the one length where a split has none of its own."""
    missing = [split for split, lengths in given.items() if lengths is None]
    if (length is None) == bool(missing):
        split = missing[0] if missing else "train"
        what = "or data.length is needed" if missing else "and data.length exclude each other"
        raise UserError(
            f"data.{split}_lengths {what}; give data.length for the splits whose range is null, or "
            "data.length=null and the ranges of all three splits"
        )
    if length is not None:
        check_positive(**{"data.length": length})
    return {split: (length, length) if lengths is None else lengths for split, lengths in given.items()}


def _checked_range(key: str, given: Sequence[int]) -> tuple[int, int]:
    if len(given) != 2 or not all(isinstance(one, int) for one in given) or not 1 <= given[0] <= given[1]:
        raise UserError(f"{key}={list(given)} must be the first and the last length, such as [1, 40]")
    return given[0], given[1]


def _span(lengths: Sequence[int]) -> str:
    first, last = lengths
    return f"{first:,}" if first == last else f"{first:,} to {last:,}"
