"""The contract of forecasting models: a window of history to features of every step ahead."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor, nn

from throughtime.data.window import Window

Feed = Callable[[Float[Tensor, "B H"]], Float[Tensor, "B C"]]
"""feed(features of one step) -> the values that an autoregressive model reads at the next step."""


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

    def steps_read(self, steps: int) -> int:
        """The steps ahead whose known covariates a forecast of so many steps depends on."""
        return steps

    @abstractmethod
    def forecast(
        self, window: Window, feed: Feed, truth: Float[Tensor, "S B C"] | None = None
    ) -> Float[Tensor, "S B H"]:
        """The features of every step ahead.

        Args:
            window: the history and the known covariates.
            feed: turns features into the forecast that an autoregressive model reads back; others do not call it.
            truth: in training, the values to forecast, for teacher forcing; never given when measuring.
        """
