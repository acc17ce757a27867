"""Baselines are exact on the series they are made for."""

import numpy as np
import torch

from throughtime.data.series.autoregression import multi_step
from throughtime.task.forecasting.baselines import autoregression, drift, naive, seasonal_naive


def column(values) -> torch.Tensor:
    return torch.as_tensor(values, dtype=torch.float64)[:, None, None]


def ahead(coefficients: list[float], horizon: int) -> torch.Tensor:
    return torch.from_numpy(multi_step(np.array(coefficients), horizon))[None]


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
    steps = ahead([0.5, 0.3, 0.6], 8)
    assert torch.allclose(autoregression(column(values[:4]), steps), column(values[4:]))


def test_a_history_shorter_than_the_order_begins_with_its_first_value_repeated():
    steps = ahead([0.5, 0.1, 0.2, 0.3, 0.4], 6)
    padded = autoregression(column([2.0, 2.0, 2.0, 5.0]), steps)
    assert torch.equal(autoregression(column([2.0, 5.0]), steps), padded)


def test_a_level_far_from_0_costs_an_autoregression_no_digits():
    """The forecasts of single precision are those of double precision, as far as single precision can hold them."""
    numbers = torch.Generator().manual_seed(0)
    history = 1e6 + torch.randn(40, 1, 1, generator=numbers)
    steps = ahead([0.25, *[1 / 40] * 40], 30)
    exact = autoregression(history.double(), steps)
    assert float((autoregression(history, steps) - exact).abs().max()) <= 0.0625
