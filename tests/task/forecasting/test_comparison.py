"""The table beside the baselines."""

import torch

from throughtime.data.window import Window
from throughtime.distributed.collectives import rank, world_size
from throughtime.task.forecasting.comparison import Comparison, autoregression, drift, naive, seasonal_naive
from throughtime.task.forecasting.metrics import ForecastMetrics


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


def test_every_baseline_is_measured_on_the_same_windows_and_a_season_beyond_the_history_is_not():
    artifacts = {
        "seasons": [3, 50],
        "input_sizes": {"look_back": 6},
        "autoregression": torch.tensor([[[0.0, 1.0]]]),
    }
    steps = torch.arange(10.0)
    values = (steps % 3)[:, None, None].repeat(1, 2, 1)
    series = torch.tensor([0, 1])  # the second one is a series that training did not have
    window = Window(
        values[:6], torch.zeros(10, 2, 0), series, series, torch.zeros(10, 2, 1), torch.ones(2, 1)
    )

    def new() -> ForecastMetrics:
        return ForecastMetrics(4, torch.ones(2), torch.ones(2))

    comparison = Comparison(artifacts, new)
    comparison.update(series[:, None], window, values[6:], None)
    assert list(comparison.measured) == ["naive", "seasonal naive 3", "drift", "autoregression 1"]
    assert comparison.measured["seasonal naive 3"].overall()["mae"] == 0
    model = new()
    model.update(series[:, None], values[6:] + 1, values[6:])
    lines = comparison.table(model).splitlines()
    assert lines[1].split() == ["this", "model", "1", "1", lines[1].split()[4], "1"]
    assert len(lines) == 6 and max(map(len, lines)) <= 80


def shared() -> dict[str, float]:
    artifacts = {
        "seasons": [],
        "input_sizes": {"look_back": 4},
        "autoregression": torch.tensor([[[0.0, 1.0]]]),
    }
    lane = slice(rank(), None, world_size())
    values = torch.tensor([1.0, 2.0, 4.0, 8.0, 9.0])[:, None, None] * torch.tensor([1.0, 3.0])[:, None]
    series, nothing = torch.tensor([0, 0])[lane], torch.zeros(5, 2, 1)[:, lane]
    window = Window(
        values[:4, lane], torch.zeros(5, 2, 0)[:, lane], series, series, nothing, torch.ones(2, 1)[lane]
    )
    comparison = Comparison(artifacts, lambda: ForecastMetrics(1, torch.ones(1), torch.ones(1)))
    comparison.update(series[:, None], window, values[4:, lane], None)
    comparison.gather()
    return {name: metrics.overall()["mae"] for name, metrics in comparison.measured.items()}


def test_ranks_compare_all_windows(in_processes):
    alone = shared()
    assert alone["naive"] == 2.0
    assert in_processes(shared) == [alone, alone]
