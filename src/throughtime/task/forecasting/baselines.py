"""Baseline forecasts: naive, seasonal naive, drift and a linear autoregression."""

import torch
from jaxtyping import Float
from torch import Tensor


def naive(history: Float[Tensor, "T B C"], horizon: int) -> Float[Tensor, "S B C"]:
    """The last value: x̂_{t+s} = x_t."""
    return history[-1:].expand(horizon, -1, -1)


def seasonal_naive(history: Float[Tensor, "T B C"], horizon: int, season: int) -> Float[Tensor, "S B C"]:
    """The value one season before: x̂_{t+s} = x_{t+s-m}, repeated where the horizon is longer than the season."""
    last = history[-season:]
    return last.repeat(-(-horizon // season), 1, 1)[:horizon]


def drift(history: Float[Tensor, "T B C"], horizon: int) -> Float[Tensor, "S B C"]:
    """The line through the first and the last value of the history: x̂_{t+s} = x_t + s (x_t - x_1) / (T - 1)."""
    slope = (history[-1] - history[0]) / max(len(history) - 1, 1)
    steps = torch.arange(1, horizon + 1, device=history.device, dtype=history.dtype)
    return history[-1] + steps[:, None, None] * slope


def autoregression(
    history: Float[Tensor, "T B C"], horizon: int, coefficients: Float[Tensor, "B C P"]
) -> Float[Tensor, "S B C"]:
    """x̂_t = a_0 + a_1 x_{t-p} + … + a_p x_{t-1}, step by step (`throughtime.data.series.autoregression`).

    It is computed in double precision: a level far from 0 would take the digits of a small intercept.
    """
    coefficients = coefficients.double()
    order = coefficients.shape[-1] - 1
    intercept, weights = coefficients[..., 0], coefficients[..., 1:].permute(2, 0, 1)
    values = history[-order:].double()
    for _ in range(horizon):
        following = intercept + (weights * values[-order:]).sum(0)
        values = torch.cat([values, following[None]])
    return values[order:].to(history.dtype)
