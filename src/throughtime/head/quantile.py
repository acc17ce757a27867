"""Quantile head: quantiles of each value, which never cross."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.errors import UserError, check_fraction, check_positive
from throughtime.head.base import masked_mean
from throughtime.head.forecast import ForecastHead

LEVELS = (0.025, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.975)
"""The default quantiles; the outer pairs are the intervals of 95 and 80 %."""


class Quantile(ForecastHead):
    """median q_m = W_m y + c_m,  q_{i+1} = q_i + softplus(W_i y + c_i - 2): increasing by construction.

    Loss: the mean over the levels a of the pinball loss max(a (z-q), (a-1) (z-q)) (R. Koenker & G. Bassett 1978,
    Regression quantiles, Econometrica 46, 33-50). The point forecast is the median.

    Args:
        input_size: H.
        channels: C.
        levels: a_1 < a_2 < …, with 0.5 among them.
        dropout: the fraction of features that are dropped in training.
    """

    def __init__(
        self, input_size: int, channels: int, levels: Sequence[float] = LEVELS, dropout: float = 0.0
    ) -> None:
        check_positive(input_size=input_size, channels=channels)
        check_fraction(dropout=dropout)
        if (
            not all(0 < level < 1 for level in levels)
            or sorted(set(levels)) != list(levels)
            or 0.5 not in levels
        ):
            raise UserError(f"levels={list(levels)} must increase between 0 and 1, with 0.5 among them")
        super().__init__()
        self.channels = channels
        self.middle = list(levels).index(0.5)
        self.register_buffer("levels", torch.tensor(levels), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.map = nn.Linear(input_size, len(levels) * channels)

    def quantiles(self, outputs: Float[Tensor, "*T H"]) -> Float[Tensor, "*T C Q"]:
        """The values of all levels."""
        raw = self.map(self.dropout(outputs)).unflatten(-1, (self.channels, -1))
        # The middle one is free and the others lie around it, so that training starts at a narrow spread.
        steps = functional.softplus(raw[..., 1:] - 2)
        lowest = raw[..., :1] - steps[..., : self.middle].sum(-1, keepdim=True)
        return torch.cat([lowest, lowest + steps.cumsum(-1)], dim=-1)

    def loss(
        self,
        outputs: Float[Tensor, "*T B H"],
        targets: Float[Tensor, "*T B C"],
        mask: Bool[Tensor, "*T B C"] | None = None,
        scale: Float[Tensor, "B C"] | None = None,
    ) -> Float[Tensor, ""]:
        error = targets[..., None] - self.quantiles(outputs)
        return masked_mean(torch.maximum(self.levels * error, (self.levels - 1) * error).mean(-1), mask)

    def predict(self, outputs: Float[Tensor, "*T H"]) -> Float[Tensor, "*T C"]:
        return self.quantiles(outputs)[..., self.middle]

    def quantile(
        self,
        outputs: Float[Tensor, "*T H"],
        probability: Float[Tensor, "*Q C"],
        scale: Float[Tensor, "*B C"] | None = None,
    ) -> Float[Tensor, "*Q C"]:
        """Linear between two levels; beyond the outermost ones their values."""
        values = self.quantiles(outputs)
        shape = torch.broadcast_shapes(values.shape[:-1], probability.shape)
        values, probability = values.expand(*shape, -1), probability.expand(shape)
        above = torch.searchsorted(self.levels, probability.contiguous()).clamp(1, len(self.levels) - 1)[
            ..., None
        ]
        low, high = values.gather(-1, above - 1)[..., 0], values.gather(-1, above)[..., 0]
        left, right = self.levels[above[..., 0] - 1], self.levels[above[..., 0]]
        return low + (high - low) * ((probability - left) / (right - left)).clamp(0, 1)
