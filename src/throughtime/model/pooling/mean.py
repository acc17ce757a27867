"""Pooling by the mean over steps."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from throughtime.model.pooling.base import Pooling


class MeanState(NamedTuple):
    """The sum of the features so far `[B, H]` and the number of steps `[B]`."""

    total: Float[Tensor, "*T B H"]
    steps: Float[Tensor, "*T B"]


class Mean(Pooling):
    """pooled_t = (y_1 + .. + y_t) / t.

    Args:
        input_size, backward_size: as in `Pooling`.
    """

    def __init__(self, input_size: int, backward_size: int = 0) -> None:
        super().__init__(input_size, backward_size)
        self.register_buffer("_like", torch.zeros(()), persistent=False)

    def initial_state(self, batch_size: int) -> MeanState:
        """Nothing so far."""
        return MeanState(self._like.new_zeros(batch_size, self.input_size), self._like.new_zeros(batch_size))

    def prefixes(
        self, features: Float[Tensor, "T B H"], state: MeanState
    ) -> tuple[Float[Tensor, "T B H"], MeanState]:
        total = state.total + features.to(state.total.dtype).cumsum(0)
        steps = state.steps + torch.ones_like(features[..., 0], dtype=state.steps.dtype).cumsum(0)
        return total / steps[..., None], MeanState(total, steps)
