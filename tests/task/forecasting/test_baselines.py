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
