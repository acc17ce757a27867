"""Means over what counts."""

from jaxtyping import Bool, Float
from torch import Tensor


def masked_mean(losses: Float[Tensor, "*T"], mask: Bool[Tensor, "*T"] | None) -> Float[Tensor, ""]:
    """The mean where `mask` is true; 0 where none is. What is masked has no gradient, whatever its value."""
    if mask is None:
        return losses.mean()
    return losses.masked_fill(~mask, 0).sum() / mask.sum().clamp(min=1)
