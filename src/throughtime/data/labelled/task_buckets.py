"""Batches of one task each: task sampling of multi-task learning."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Integer

from throughtime.data.buckets import LengthBuckets
from throughtime.errors import check_choice

SAMPLINGS = ("equal", "proportional")


class TaskBuckets(LengthBuckets):
    """`LengthBuckets` in which a batch has sequences of one task, in a random order of tasks.

    An epoch reads every sequence once (`proportional`), or the sequences of a smaller task as often as brings its
    batches nearest to those of the largest task (`equal`): then the task of a batch is about uniformly distributed, as
    in Liu, Qiu & Huang 2016 (arXiv 1605.05101). The order is a function of the seed and the epoch alone.

    Args:
        lengths: the steps of each sequence.
        tasks: the number of each sequence's task.
        batch_size, shuffle, seed, chunk_length: as of `LengthBuckets`; without `shuffle` every sequence is read once.
        sampling: one of `SAMPLINGS`.

    Raises:
        UserError: the sampling is not known.
    """

    def __init__(
        self,
        lengths: Integer[np.ndarray, " n"],
        tasks: Integer[np.ndarray, " n"],
        batch_size: int,
        shuffle: bool = True,
        seed: int = 1,
        chunk_length: int | None = None,
        sampling: str = "equal",
    ) -> None:
        check_choice(SAMPLINGS, **{"data.sampling": sampling})
        super().__init__(lengths, batch_size, shuffle, seed, chunk_length)
        self._members: Sequence[np.ndarray] = [np.flatnonzero(tasks == task) for task in np.unique(tasks)]
        self._own = [
            LengthBuckets(lengths[members], batch_size, shuffle, seed, chunk_length)
            for members in self._members
        ]
        most = max(map(len, self._own))
        repeats = shuffle and sampling == "equal"
        self._rounds = [max(1, round(most / len(own))) if repeats else 1 for own in self._own]
        self._length = sum(rounds * len(own) for rounds, own in zip(self._rounds, self._own, strict=True))

    def cuts(self, epoch: int) -> list[list[tuple[Integer[np.ndarray, " B"], int]]]:
        found = [
            [(members[part], chunk) for part, chunk in cut]
            for members, own, rounds in zip(self._members, self._own, self._rounds, strict=True)
            for number in range(rounds)
            for cut in own.cuts(epoch * rounds + number)
        ]
        if not self.shuffle:
            return found
        return [
            found[index] for index in np.random.default_rng((self.seed, epoch, 1)).permutation(len(found))
        ]
