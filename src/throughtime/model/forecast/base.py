"""The contract of a forecasting model: from what is known at the origin to features of every step ahead."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor, nn

from throughtime.data.window import Window

Feed = Callable[[Float[Tensor, "B H"]], Float[Tensor, "B C"]]
"""Features of one step to the values that a model which decodes step by step reads at the next."""


class Forecaster(nn.Module, ABC):
    """Features of S steps ahead, of which a head makes forecasts.

    Attributes:
        output_size: H, the features of one step.
        autoregressive: whether a step ahead depends on what was fed back from the steps before it.
        any_horizon: whether it can look further ahead than it was trained to.
    """

    output_size: int
    autoregressive: bool = False
    any_horizon: bool = False

    @abstractmethod
    def forecast(
        self, window: Window, feed: Feed, truth: Float[Tensor, "S B C"] | None = None
    ) -> Float[Tensor, "S B H"]:
        """The features of every step ahead.

        Args:
            window: what is known at the origin.
            feed: what an autoregressive model reads back of its own forecasts; others do not call it.
            truth: in training, the values to forecast, for teacher forcing; never given when measuring.
        """
