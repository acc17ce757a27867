"""A normal distribution of each value."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.errors import check_fraction, check_positive
from throughtime.head.forecast import ForecastHead
from throughtime.head.masked import masked_mean


class Gaussian(ForecastHead):
    """z ~ N(μ, σ²),  μ = W y + c,  σ = floor + softplus(W_σ y + c_σ);  loss: -ln p(z) = ln σ + (z-μ)²/(2σ²) + ln √(2π).

    Args:
        input_size: H.
        channels: C.
        floor: the least σ, in relative units, which keeps the density finite.
        dropout: the share of features that are dropped in training.
    """

    def __init__(self, input_size: int, channels: int, floor: float = 1e-3, dropout: float = 0.0) -> None:
        check_positive(input_size=input_size, channels=channels, floor=floor)
        check_fraction(dropout=dropout)
        super().__init__()
        self.floor = floor
        self.dropout = nn.Dropout(dropout)
        self.map = nn.Linear(input_size, 2 * channels)

    def parameters_of(
        self, outputs: Float[Tensor, "*T H"]
    ) -> tuple[Float[Tensor, "*T C"], Float[Tensor, "*T C"]]:
        """μ and σ."""
        mean, raw = self.map(self.dropout(outputs)).chunk(2, dim=-1)
        return mean, self.floor + functional.softplus(raw)

    def loss(
        self,
        outputs: Float[Tensor, "*T B H"],
        targets: Float[Tensor, "*T B C"],
        mask: Bool[Tensor, "*T B C"] | None = None,
        scale: Float[Tensor, "B C"] | None = None,
    ) -> Float[Tensor, ""]:
        mean, deviation = self.parameters_of(outputs)
        standard = (targets - mean) / deviation
        return masked_mean(deviation.log() + standard.square() / 2 + math.log(2 * math.pi) / 2, mask)

    def predict(self, outputs: Float[Tensor, "*T H"]) -> Float[Tensor, "*T C"]:
        return self.parameters_of(outputs)[0]

    def quantile(
        self,
        outputs: Float[Tensor, "*T H"],
        probability: Float[Tensor, "*Q C"],
        scale: Float[Tensor, "*B C"] | None = None,
    ) -> Float[Tensor, "*Q C"]:
        mean, deviation = self.parameters_of(outputs)
        return mean + deviation * math.sqrt(2) * torch.erfinv(2 * probability - 1)
