"""Forecasting heads: their contract, and the base of those that give a parametric distribution."""

from abc import abstractmethod

from jaxtyping import Bool, Float
from torch import Tensor, nn

from throughtime.errors import check_fraction, check_positive
from throughtime.head.base import Head, masked_mean


class ForecastHead(Head):
    """A loss, a point forecast and quantiles of C real values, all in the relative units of a window.

    Attributes:
        spread: whether the head gives more than a point.
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
        """The mean loss over targets where `mask` is true; 0 where none is.

        Args:
            outputs: features.
            targets: in relative units.
            mask: the targets that count; None for all.
            scale: the number of the data's units in a relative unit; for heads of counts.
        """

    @abstractmethod
    def predict(self, outputs: Float[Tensor, "*T H"]) -> Float[Tensor, "*T C"]:
        """The point forecast: the mean, or the median where the loss is minimised by it."""

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

    def in_support(self, quantiles: Float[Tensor, "Q *S"]) -> Float[Tensor, "Q *S"]:
        """Quantiles that a calibration moved, at the nearest values outwards that the distribution can take.

        Args:
            quantiles: in the data's units, of levels symmetric about 0.5, increasing.
        """
        return quantiles


class DistributionHead(ForecastHead):
    """A parametric distribution of each value, whose parameters are a linear map of the features.

    The loss is the mean of `negative_log_likelihood`, the point forecast the first of `parameters_of`.

    Args:
        input_size: H.
        channels: C.
        parameter_count: P, the parameters of the distribution of one value.
        dropout: the fraction of features that are dropped in training.

    Raises:
        UserError: a size is not positive, or the dropout is no fraction.
    """

    def __init__(self, input_size: int, channels: int, parameter_count: int, dropout: float = 0.0) -> None:
        check_positive(input_size=input_size, channels=channels)
        check_fraction(dropout=dropout)
        super().__init__()
        self.parameter_count = parameter_count
        self.dropout = nn.Dropout(dropout)
        self.map = nn.Linear(input_size, parameter_count * channels)

    @abstractmethod
    def parameters_of(self, outputs: Float[Tensor, "*T H"]) -> tuple[Float[Tensor, "*T C"], ...]:
        """The parameters of the distribution, the mean first."""

    @abstractmethod
    def negative_log_likelihood(
        self,
        outputs: Float[Tensor, "*T B H"],
        targets: Float[Tensor, "*T B C"],
        scale: Float[Tensor, "B C"] | None,
    ) -> Float[Tensor, "*T B C"]:
        """-ln p(target) of each value, in nats."""

    def loss(
        self,
        outputs: Float[Tensor, "*T B H"],
        targets: Float[Tensor, "*T B C"],
        mask: Bool[Tensor, "*T B C"] | None = None,
        scale: Float[Tensor, "B C"] | None = None,
    ) -> Float[Tensor, ""]:
        return masked_mean(self.negative_log_likelihood(outputs, targets, scale), mask)

    def predict(self, outputs: Float[Tensor, "*T H"]) -> Float[Tensor, "*T C"]:
        return self.parameters_of(outputs)[0]

    def raw_parameters(self, outputs: Float[Tensor, "*T H"]) -> tuple[Float[Tensor, "*T C"], ...]:
        """P values of each channel, not yet in the range of their parameters."""
        return self.map(self.dropout(outputs)).chunk(self.parameter_count, dim=-1)
