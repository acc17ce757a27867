"""The contract of forecasting heads: features of a step to a distribution of C real values."""

from abc import abstractmethod

from jaxtyping import Bool, Float
from torch import Tensor

from throughtime.head.base import Head


class ForecastHead(Head):
    """A loss, a point forecast and quantiles, all in the relative units of a window.

    Attributes:
        spread: whether the head says more than a point.
        counts: whether targets must be whole numbers from 0 upwards, so that the unit matters.
    """

    spread: bool = True
    counts: bool = False

    @abstractmethod
    def loss(
        self,
        outputs: Float[Tensor, "*T B H"],
        targets: Float[Tensor, "*T B C"],
        mask: Bool[Tensor, "*T B C"] | None = None,
        scale: Float[Tensor, "B C"] | None = None,
    ) -> Float[Tensor, ""]:
        """The mean loss of a target, over those where `mask` is true; 0 where none is.

        Args:
            outputs: features.
            targets: in relative units.
            mask: which of them count.
            scale: how many of the data's units a relative unit is; for heads of counts.
        """

    @abstractmethod
    def predict(self, outputs: Float[Tensor, "*T H"]) -> Float[Tensor, "*T C"]:
        """The point forecast: the mean, or the median where the loss asks for it."""

    @abstractmethod
    def quantile(
        self,
        outputs: Float[Tensor, "*T H"],
        probability: Float[Tensor, "*Q C"],
        scale: Float[Tensor, "*B C"] | None = None,
    ) -> Float[Tensor, "*Q C"]:
        """The value that the target stays below with this probability, which broadcasts with `[..., C]` of the outputs.

        Of a probability that is drawn uniformly this is a sample.
        """
