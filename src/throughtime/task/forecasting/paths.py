"""Sample paths of an autoregressive forecaster: each path reads its own draws."""

import torch
from jaxtyping import Float
from torch import Tensor

from throughtime.data.window import Window
from throughtime.head.forecast import ForecastHead
from throughtime.model.forecast.base import Forecaster
from throughtime.tree import map_state


def sample_paths(
    model: Forecaster, head: ForecastHead, window: Window, count: int, generator: torch.Generator
) -> Float[Tensor, "N S B C"]:
    """Sample `count` futures of every lane, in relative units.

    The spread of the paths is the uncertainty of the whole forecast; the head's distribution at one step is narrower,
    since it is conditioned on the steps before.
    """
    lanes = window.history.shape[1]
    time_major = ("history", "known", "location")
    many = Window(
        **{
            name: map_state(
                lambda part, name=name: _repeat(part, count, 1 if name in time_major else 0), value
            )
            for name, value in window._asdict().items()
        }
    )

    def draw(features: Float[Tensor, "B H"]) -> Float[Tensor, "B C"]:
        shape = head.predict(features).shape
        probability = torch.rand(shape, generator=generator, dtype=torch.float32).clamp(1e-6, 1 - 1e-6)
        drawn.append(head.quantile(features, probability.to(features.device, features.dtype), many.scale))
        return drawn[-1]

    drawn: list[Tensor] = []
    features = model.forecast(many, draw)
    draw(features[-1])  # the last step is not fed back
    return torch.stack(drawn).unflatten(1, (count, lanes)).transpose(0, 1)


def _repeat(part: Tensor, count: int, dim: int) -> Tensor:
    return part.repeat(*[1] * dim, count, *[1] * (part.dim() - dim - 1))
