"""Student's t head: a distribution of each value with heavier tails than the normal one."""

import math

import torch
from jaxtyping import Float
from scipy.special import stdtrit
from torch import Tensor
from torch.nn import functional

from throughtime.errors import check_positive
from throughtime.head.forecast import DistributionHead


class StudentT(DistributionHead):
    """z = μ + σ t_ν,  μ = W y + c,  σ = floor + softplus(·),  ν = 2 + softplus(·), so that the variance is finite.

    -ln p(z) = ln Γ(ν/2) - ln Γ((ν+1)/2) + ½ ln(π ν) + ln σ + (ν+1)/2 · ln(1 + ((z-μ)/σ)²/ν)

    Args:
        input_size: H.
        channels: C.
        floor: the least σ, in relative units, which keeps the density finite.
        dropout: the fraction of features that are dropped in training.
    """

    def __init__(self, input_size: int, channels: int, floor: float = 1e-3, dropout: float = 0.0) -> None:
        check_positive(floor=floor)
        super().__init__(input_size, channels, 3, dropout)
        self.floor = floor

    def parameters_of(self, outputs: Float[Tensor, "*T H"]) -> tuple[Float[Tensor, "*T C"], ...]:
        """μ, σ and ν."""
        mean, raw_scale, raw_freedom = self.raw_parameters(outputs)
        return mean, self.floor + functional.softplus(raw_scale), 2 + functional.softplus(raw_freedom)

    def negative_log_likelihood(
        self,
        outputs: Float[Tensor, "*T B H"],
        targets: Float[Tensor, "*T B C"],
        scale: Float[Tensor, "B C"] | None,
    ) -> Float[Tensor, "*T B C"]:
        mean, sigma, freedom = self.parameters_of(outputs)
        standard = (targets - mean) / sigma
        normaliser = torch.lgamma(freedom / 2) - torch.lgamma((freedom + 1) / 2)
        normaliser = normaliser + (math.pi * freedom).log() / 2 + sigma.log()
        return normaliser + (freedom + 1) / 2 * torch.log1p(standard.square() / freedom)

    def quantile(
        self,
        outputs: Float[Tensor, "*T H"],
        probability: Float[Tensor, "*Q C"],
        scale: Float[Tensor, "*B C"] | None = None,
    ) -> Float[Tensor, "*Q C"]:
        mean, sigma, freedom = self.parameters_of(outputs)
        # torch has no inverse of this distribution function.
        standard = stdtrit(*(part.detach().double().cpu().numpy() for part in (freedom, probability)))
        return mean + sigma * torch.as_tensor(standard, dtype=mean.dtype, device=mean.device)
