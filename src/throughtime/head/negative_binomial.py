"""Negative binomial head: a distribution of counts, such as sales, visits or cases."""

import torch
from jaxtyping import Float
from scipy.stats import nbinom
from torch import Tensor
from torch.nn import functional

from throughtime.errors import UserError
from throughtime.head.forecast import DistributionHead

WHOLE = 1e-3
"""How far a value may be from a whole number that single precision did not hold."""
SMALLEST = 1e-6
"""The least μ/ν and α, which keep the logarithms finite."""


class NegativeBinomial(DistributionHead):
    """x ~ NB(mean μ, variance μ + α μ²) for whole x ≥ 0;  μ = ν softplus(W y + c),  α = softplus(W_α y + c_α).

    -ln p(x) = ln Γ(1/α) + ln Γ(x+1) - ln Γ(x+1/α) + (x+1/α) ln(1+αμ) - x ln(αμ)

    The scale ν of a series keeps μ near the data whatever their size. Source: D. Salinas, V. Flunkert & J. Gasthaus
    (2017), DeepAR, arXiv 1704.04110.

    Args:
        input_size: H.
        channels: C.
        dropout: the fraction of features that are dropped in training.
    """

    counts = True

    def __init__(self, input_size: int, channels: int, dropout: float = 0.0) -> None:
        super().__init__(input_size, channels, 2, dropout)

    def parameters_of(self, outputs: Float[Tensor, "*T H"]) -> tuple[Float[Tensor, "*T C"], ...]:
        """μ/ν and α."""
        raw_mean, raw_shape = self.raw_parameters(outputs)
        return functional.softplus(raw_mean) + SMALLEST, functional.softplus(raw_shape) + SMALLEST

    def negative_log_likelihood(
        self,
        outputs: Float[Tensor, "*T B H"],
        targets: Float[Tensor, "*T B C"],
        scale: Float[Tensor, "B C"] | None,
    ) -> Float[Tensor, "*T B C"]:
        scale = torch.ones_like(targets[..., :1]) if scale is None else scale
        mean, shape = self.parameters_of(outputs)
        mean = mean * scale
        x = (targets * scale).round()
        if bool((x < 0).any()):
            raise UserError(
                "head=negative_binomial is for counts, and these data have values below 0; choose another head"
            )
        size = 1 / shape
        log_term = torch.log1p(shape * mean)
        gammas = torch.lgamma(size) + torch.lgamma(x + 1) - torch.lgamma(x + size)
        return gammas + (x + size) * log_term - x * (shape * mean).log()

    def quantile(
        self,
        outputs: Float[Tensor, "*T H"],
        probability: Float[Tensor, "*Q C"],
        scale: Float[Tensor, "*B C"] | None = None,
    ) -> Float[Tensor, "*Q C"]:
        scale = torch.ones_like(outputs[..., :1]) if scale is None else scale
        mean, shape = (part.double() for part in self.parameters_of(outputs))
        success = 1 / (1 + shape * mean * scale)
        # torch has no inverse of this distribution function.
        parts = (probability.double(), 1 / shape, success)
        counts = nbinom.ppf(*(part.detach().cpu().numpy() for part in parts))
        return torch.as_tensor(counts, dtype=outputs.dtype, device=outputs.device) / scale

    def in_support(self, quantiles: Float[Tensor, "Q *S"]) -> Float[Tensor, "Q *S"]:
        """Whole numbers from 0 upwards: below the median the next lower ones, above it the next higher ones."""
        half = len(quantiles) // 2
        middle = quantiles[half : len(quantiles) - half].round()
        low, high = (quantiles[:half] + WHOLE).floor(), (quantiles[len(quantiles) - half :] - WHOLE).ceil()
        return torch.cat([low, middle, high]).clamp(min=0)
