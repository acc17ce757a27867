"""A window of a series as a model sees it: what is known at its origin, in units of its own."""

from typing import NamedTuple

from jaxtyping import Float, Int
from torch import Tensor


class Window(NamedTuple):
    """T steps of history and S steps to forecast, in B lanes; the origin is the first step to forecast.

    Targets and the first C columns of the history are relative: x = location + scale · z.

    Attributes:
        history: `[T, B, I]`: C values, where the data have gaps C marks of what is not observed, P past covariates.
        known: the covariates of history and horizon, `[T+S, B, K]`.
        series: the number of each lane's series; n for a series that training did not have.
        origin: the step of its series that each lane forecasts first.
        location, scale: of the relative units, in the data's units.
    """

    history: Float[Tensor, "T B I"]
    known: Float[Tensor, "TS B K"]
    series: Int[Tensor, " B"]
    origin: Int[Tensor, " B"]
    location: Float[Tensor, "B C"]
    scale: Float[Tensor, "B C"]

    @property
    def steps(self) -> int:
        """T, the steps of history."""
        return self.history.shape[0]

    @property
    def horizon(self) -> int:
        """S, the steps to forecast."""
        return self.known.shape[0] - self.steps

    def future(self) -> Float[Tensor, "S B K"]:
        """The covariates of the steps to forecast."""
        return self.known[self.steps :]
