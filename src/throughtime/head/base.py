"""The contract of a head: the last layer of a model, with its loss and its prediction."""

from abc import ABC, abstractmethod

from jaxtyping import Bool, Float
from torch import Tensor, nn


class Head(nn.Module, ABC):
    """Turns features into a distribution over targets."""

    @abstractmethod
    def loss(
        self, outputs: Float[Tensor, "T B H"], targets: Tensor, mask: Bool[Tensor, "T B *"] | None = None
    ) -> Float[Tensor, ""]:
        """The mean loss of a target, over those where `mask` is true; 0 where none is."""

    @abstractmethod
    def predict(self, outputs: Float[Tensor, "*T B H"]) -> Tensor:
        """What the head says about the targets, for any number of steps."""
