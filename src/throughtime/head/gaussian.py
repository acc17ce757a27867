"""Gaussian head: a normal distribution of each value."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from throughtime.errors import check_positive
from throughtime.head.forecast import DistributionHead


class Gaussian(DistributionHead):
    """z ~ N(μ, σ²),  μ = W y + c,  σ = floor + softplus(W_σ y + c_σ);  loss: -ln p(z) = ln σ + (z-μ)²/(2σ²) + ln √(2π).

    Args:
        input_size: H.
        channels: C.
        floor: the least σ, in relative units, which keeps the density finite.
        dropout: the fraction of features that are dropped in training.
    """

    def __init__(self, input_size: int, channels: int, floor: float = 1e-3, dropout: float = 0.0) -> None:
        check_positive(floor=floor)
        super().__init__(input_size, channels, 2, dropout)
        self.floor = floor

    def parameters_of(self, outputs: Float[Tensor, "*T H"]) -> tuple[Float[Tensor, "*T C"], ...]:
        """μ and σ."""
        mean, raw = self.raw_parameters(outputs)
        return mean, self.floor + functional.softplus(raw)

    def negative_log_likelihood(
        self,
        outputs: Float[Tensor, "*T B H"],
        targets: Float[Tensor, "*T B C"],
        scale: Float[Tensor, "B C"] | None,
    ) -> Float[Tensor, "*T B C"]:
        mean, deviation = self.parameters_of(outputs)
        standard = (targets - mean) / deviation
        return deviation.log() + standard.square() / 2 + math.log(2 * math.pi) / 2

    def quantile(
        self,
        outputs: Float[Tensor, "*T H"],
        probability: Float[Tensor, "*Q C"],
        scale: Float[Tensor, "*B C"] | None = None,
    ) -> Float[Tensor, "*Q C"]:
        mean, deviation = self.parameters_of(outputs)
        return mean + deviation * math.sqrt(2) * torch.erfinv(2 * probability - 1)
