"""Window of a series: the inputs of a forecast made at its origin, in relative units."""

from typing import NamedTuple

from jaxtyping import Float, Int
from torch import Tensor


class Window(NamedTuple):
    """T steps of history and S steps to forecast, in B lanes; the origin is the first step to forecast.

    Targets and the first C columns of the history are relative: x = location + scale · z, with a location of each step.

    Attributes:
        history: `[T, B, I]`: C values, where the data have gaps C marks of what is not observed, P past covariates.
        known: the covariates of history and horizon, `[T+S, B, K]`.
        series: the number of each lane's series; n for a series that training did not have.
        origin: the step of its series that each lane forecasts first.
        location: of the relative units, in the data's units, at the steps of history and horizon `[T+S, B, C]`.
        scale: of the relative units.
    """

    history: Float[Tensor, "T B I"]
    known: Float[Tensor, "TS B K"]
    series: Int[Tensor, " B"]
    origin: Int[Tensor, " B"]
    location: Float[Tensor, "TS B C"]
    scale: Float[Tensor, "B C"]

    @property
    def steps(self) -> int:
        """T, the steps of history."""
        return self.history.shape[0]

    @property
    def horizon(self) -> int:
        """S, the steps to forecast."""
        return self.known.shape[0] - self.steps

    def original_history(self) -> Float[Tensor, "T B C"]:
        """The values of the history in the data's units; a missing one is the last that was observed."""
        return self.location[: self.steps] + self.scale * self.history[..., : self.scale.shape[-1]]

    def original(self, ahead: Float[Tensor, "*Q S B C"]) -> Float[Tensor, "*Q S B C"]:
        """Relative values of the steps ahead in the data's units."""
        return self.location[self.steps :] + self.scale * ahead

    def future(self) -> Float[Tensor, "S B K"]:
        """The covariates of the steps to forecast."""
        return self.known[self.steps :]

    def lanes(self, chosen: slice) -> "Window":
        """The windows of some of the lanes."""
        return Window(
            history=self.history[:, chosen],
            known=self.known[:, chosen],
            series=self.series[chosen],
            origin=self.origin[chosen],
            location=self.location[:, chosen],
            scale=self.scale[chosen],
        )
