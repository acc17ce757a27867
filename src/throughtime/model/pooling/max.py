"""Pooling by the largest value of each feature."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from throughtime.model.pooling.base import Pooling
from throughtime.tree import length_mask


class MaxState(NamedTuple):
    """The largest features so far `[B, H]`; minus infinity before the first step."""

    largest: Float[Tensor, "*T B H"]


class Max(Pooling):
    """pooled_t = max(y_1, .., y_t), feature by feature.

    Args:
        input_size, backward_size: as in `Pooling`.
    """

    def __init__(self, input_size: int, backward_size: int = 0) -> None:
        super().__init__(input_size, backward_size)
        self.register_buffer("_like", torch.zeros(()), persistent=False)

    def initial_state(self, batch_size: int) -> MaxState:
        """Minus infinity."""
        return MaxState(self._like.new_full((batch_size, self.input_size), -torch.inf))

    def prefixes(
        self, features: Float[Tensor, "T B H"], state: MaxState
    ) -> tuple[Float[Tensor, "T B H"], MaxState]:
        largest = torch.maximum(features.cummax(0).values, state.largest)
        return largest, MaxState(largest)

    def whole(self, features: Float[Tensor, "T B H"], lengths: Int[Tensor, " B"]) -> Float[Tensor, "B H"]:
        """As `Pooling.whole`, without a running maximum, which ONNX does not have."""
        running = length_mask(lengths, features.shape[0])
        return features.masked_fill(~running[..., None], -torch.inf).amax(0)
