"""Baselines are exact on the series they are made for."""

import torch

from throughtime.task.forecasting.baselines import autoregression, drift, naive, seasonal_naive


def column(values) -> torch.Tensor:
    return torch.as_tensor(values, dtype=torch.float64)[:, None, None]


def test_each_is_exact_on_its_own_kind_of_series():
    steps = torch.arange(30.0)
    season = column((steps % 7).tolist())
    assert torch.equal(naive(column([3.0] * 5), 4), column([3.0] * 4))
    assert torch.equal(seasonal_naive(season[:20], 10, 7), season[20:])
    assert torch.allclose(drift(column(2 * steps[:20] + 1), 10), column(2 * steps[20:] + 1))


def test_an_autoregression_repeats_its_step():
    values = [1.0, 1.0]
    for _ in range(10):
        values.append(0.5 + 0.3 * values[-2] + 0.6 * values[-1])
    coefficients = torch.tensor([[[0.5, 0.3, 0.6]]], dtype=torch.float64)
    assert torch.allclose(autoregression(column(values[:4]), 8, coefficients), column(values[4:]))


def test_a_level_far_from_0_costs_an_autoregression_no_digits():
    """The forecasts of single precision are those of double precision, as far as single precision can hold them."""
    numbers = torch.Generator().manual_seed(0)
    history = 1e6 + torch.randn(40, 1, 1, generator=numbers)
    weights = torch.full((1, 1, 40), 1 / 40, dtype=torch.float64)
    coefficients = torch.cat([torch.full((1, 1, 1), 0.25, dtype=torch.float64), weights], dim=-1)
    exact = autoregression(history.double(), 30, coefficients)
    assert float((autoregression(history, 30, coefficients) - exact).abs().max()) <= 0.0625
