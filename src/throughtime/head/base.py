"""The contract of a head: the output layer of a model, with its loss and its prediction."""

from abc import ABC, abstractmethod

from jaxtyping import Bool, Float
from torch import Tensor, nn


class Head(nn.Module, ABC):
    """A distribution over targets, given features.

    Features are `[T, B, H]` for targets of each step and `[B, H]` for targets of each sequence.
    """

    @abstractmethod
    def loss(
        self, outputs: Float[Tensor, "*T B H"], targets: Tensor, mask: Bool[Tensor, "..."] | None = None
    ) -> Float[Tensor, ""]:
        """The mean loss over targets where `mask` is true; 0 where none is."""

    @abstractmethod
    def predict(self, outputs: Float[Tensor, "*T B H"]) -> Tensor:
        """The prediction of the targets, such as log-probabilities or a point forecast, for any number of steps."""


def masked_mean(losses: Float[Tensor, "*T"], mask: Bool[Tensor, "*T"] | None) -> Float[Tensor, ""]:
    """The mean where `mask` is true; 0 where none is. Masked elements get no gradient, whatever their value."""
    if mask is None:
        return losses.mean()
    return losses.masked_fill(~mask, 0).sum() / mask.sum().clamp(min=1)
