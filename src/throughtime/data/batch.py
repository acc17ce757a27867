"""What a loader hands to a task: one chunk of B lanes."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor


class Batch(NamedTuple):
    """One chunk of T steps in B lanes, time-major.

    Attributes:
        inputs: `[T, B]` ids, `[T, B, I]` features, or a named tuple of such tensors.
        targets: what each step should predict, `[T, B]` or `[T, B, ...]`.
        fresh: True when every lane starts anew with this batch; False when it goes on from the batch before.
        lengths: the true steps of each lane, where lanes differ.
        resets: where true, the lane's state starts anew before that step (a new document inside a chunk).
        mask: which targets count, where that is not said by `lengths` alone (missing values).
    """

    inputs: Any
    targets: Tensor
    fresh: bool
    lengths: Int[Tensor, " B"] | None = None
    resets: Bool[Tensor, "T B"] | None = None
    mask: Bool[Tensor, "T B ..."] | None = None

    def target_mask(self) -> Bool[Tensor, "T B ..."] | None:
        """Which targets count: `mask` where given, else the steps before each lane's length, else None for all."""
        if self.mask is not None or self.lengths is None:
            return self.mask
        steps = torch.arange(self.targets.shape[0], device=self.lengths.device)
        return steps[:, None] < self.lengths

    def share(self, rank: int, ranks: int) -> "Batch":
        """The lanes of one of several processes that work on this batch together: rank, rank + ranks, and so on.

        Loaders order lanes by length, so that dealing them out like cards gives all ranks about as much work. Where
        there are fewer lanes than ranks, those that are left over take the first one, of which nothing counts: every
        rank takes part in every batch, and none waits for another.
        """
        if ranks == 1:
            return self
        idle = rank >= self.targets.shape[1]
        lanes = slice(0, 1) if idle else slice(rank, None, ranks)
        inputs = self.inputs[:, lanes] if isinstance(self.inputs, Tensor) else self.inputs.lanes(lanes)
        mask = None if self.mask is None else self.mask[:, lanes]
        return self._replace(
            inputs=inputs,
            targets=self.targets[:, lanes],
            lengths=None if self.lengths is None else self.lengths[lanes],
            resets=None if self.resets is None else self.resets[:, lanes],
            mask=torch.zeros_like(self.targets[:, lanes], dtype=torch.bool) if idle else mask,
        )
