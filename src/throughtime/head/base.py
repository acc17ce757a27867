"""The contract of a head: the output layer of a model, with its loss and its prediction."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

from jaxtyping import Bool, Float
from torch import Tensor, nn

from throughtime.errors import UserError


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


def check_class_weights(given: Sequence[float | int], classes: int) -> None:
    """Raise `UserError` unless there is a finite weight above 0 for each class."""
    if len(given) != classes or not all(0 < weight < math.inf for weight in given):
        raise UserError(
            f"class_weights has {len(given)} numbers, {', '.join(map(str, given[:5]))}, …, but needs one above 0 for "
            f"each of the {classes} classes, in the order of their names"
        )
