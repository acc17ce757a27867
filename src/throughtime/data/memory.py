"""The memory of this machine, and a count of what data take of it while they are read."""

import os
from collections.abc import Mapping

from throughtime.errors import UserError


def physical_memory() -> int:
    """The bytes of memory of this machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def largest_batch(
    steps: int, counts: Mapping[str, int], batch_size: int, eval_batch_size: int
) -> dict[str, int]:
    """The `steps` and `lanes` of the largest batch, which no part fills with more sequences than it has.

    Args:
        steps: T, of the longest sequence or chunk.
        counts: sequences of each part.
        batch_size: B, of training.
        eval_batch_size: B, of the other parts.
    """
    lanes = (min(count, batch_size if part == "train" else eval_batch_size) for part, count in counts.items())
    return {"steps": steps, "lanes": max(lanes, default=0)}


class MemoryCount:
    """The bytes of data that were read so far, which must leave room for a second copy, as batches take it.

    Args:
        advice: what makes the data smaller, for the error.
    """

    def __init__(self, advice: str) -> None:
        self.advice = advice
        self.taken = 0

    def add(self, size: int, name: str) -> None:
        """Count some bytes more.

        Args:
            size: of what is about to be kept.
            name: of the file that it comes from.

        Raises:
            UserError: twice all bytes are more than the memory of this machine.
        """
        self.taken += size
        memory = physical_memory()
        if 2 * self.taken > memory:
            raise UserError(
                f"{name}: the data up to this file need more than the {memory / 2**30:,.0f} GiB of memory of this "
                f"machine, in which they must fit twice; {self.advice}"
            )
