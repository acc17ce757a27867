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


def autoregression(history: Float[Tensor, "T B C"], steps: Float[Tensor, "C S P"]) -> Float[Tensor, "S B C"]:
    """x̂_{t+s} = w_s0 + w_s1 x_{t-p} + … + w_sp x_{t-1} for each channel, with w of the steps ahead.

    It is computed in double precision: a level far from 0 would take the digits of a small intercept. Where the history
    is shorter than p, its first value is repeated before it.

    Args:
        history: of lanes of one series.
        steps: w of every channel (`throughtime.data.series.autoregression.multi_step`).
    """
    order = steps.shape[-1] - 1
    values = history[-order:].double()
    values = torch.cat([values[:1].expand(order - len(values), -1, -1), values])
    steps = steps.double().to(values.device)
    forecast = torch.einsum("csp,pbc->sbc", steps[..., 1:], values) + steps[..., 0].T[:, None]
    return forecast.to(history.dtype)
