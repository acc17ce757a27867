"""Measures against torchmetrics and scikit-learn, by step and by series, and independent of batches."""

import math

import pytest
import torch
from torchmetrics.functional import (
    mean_absolute_error,
    mean_squared_error,
    symmetric_mean_absolute_percentage_error,
)

from throughtime.task.forecasting.metrics import LEVELS, ForecastMetrics, trapezoid

S, B = 4, 6
ROWS = torch.tensor([[0], [1], [0], [1], [1], [0]])


@pytest.fixture
def numbers():
    generator = torch.Generator().manual_seed(0)
    truth = 10 + torch.randn(S, B, 1, generator=generator)
    point = truth + torch.randn(S, B, 1, generator=generator)
    quantiles = point + torch.linspace(-2, 2, len(LEVELS))[:, None, None, None]
    return point, truth, quantiles


def measured(point, truth, mask=None, quantiles=None, rows=ROWS, units="original") -> ForecastMetrics:
    metrics = ForecastMetrics(S, torch.tensor([2.0, 4.0]), torch.tensor([0.5, math.nan]), units)
    metrics.update(rows, point, truth, mask, quantiles)
    return metrics


def test_the_known_metrics_are_those_of_torchmetrics(numbers):
    point, truth, quantiles = numbers
    found = measured(point, truth, quantiles=quantiles).overall()
    assert found["mae"] == pytest.approx(float(mean_absolute_error(point, truth)), rel=1e-5)
    assert found["mse"] == pytest.approx(float(mean_squared_error(point, truth)), rel=1e-5)
    assert found["rmse"] ** 2 == pytest.approx(found["mse"])
    expected = 100 * float(symmetric_mean_absolute_percentage_error(point.flatten(), truth.flatten()))
    assert found["smape"] == pytest.approx(expected, rel=1e-4)


def test_mase_scales_each_series_and_leaves_out_one_without_a_scale(numbers):
    point, truth, _ = numbers
    error = (truth - point).abs()[:, ROWS[:, 0] == 0]
    assert measured(point, truth).overall()["mase"] == pytest.approx(float(error.mean() / 0.5), rel=1e-5)


def test_standardised_units_divide_each_series_by_its_deviation(numbers):
    point, truth, quantiles = numbers
    scale = torch.tensor([2.0, 4.0])[ROWS]
    found = measured(point, truth, quantiles=quantiles, units="standardised").overall()
    assert found["mse"] == pytest.approx(float(((truth - point) / scale).square().mean()), rel=1e-5)
    assert found["nrmse"] == pytest.approx(found["rmse"])


def test_metrics_do_not_depend_on_batches_and_masked_points_do_not_count(numbers):
    point, truth, quantiles = numbers
    mask = torch.rand(S, B, 1, generator=torch.Generator().manual_seed(1)) < 0.7
    whole = measured(point, torch.where(mask, truth, 1e9), mask, quantiles)
    parts = measured(point[:, :2], truth[:, :2], mask[:, :2], quantiles[:, :, :2], ROWS[:2])
    parts.update(ROWS[2:], point[:, 2:], truth[:, 2:], mask[:, 2:], quantiles[:, :, 2:])
    assert whole.overall() == pytest.approx(parts.overall())


def test_steps_and_series_are_the_metrics_of_their_points(numbers):
    point, truth, quantiles = numbers
    found = measured(point, truth, quantiles=quantiles)
    assert found.by_step()[1]["mae"] == pytest.approx(float((truth - point).abs()[1].mean()), rel=1e-5)
    one = ROWS[:, 0] == 1
    assert found.by_series()[1]["rmse"] == pytest.approx(
        float((truth - point)[:, one].square().mean().sqrt()), rel=1e-5
    )


def test_the_crps_of_a_point_is_its_absolute_error(numbers):
    point, truth, _ = numbers
    found = measured(point, truth, quantiles=point.expand(len(LEVELS), S, B, 1)).overall()
    assert found["crps"] == pytest.approx(found["mae"])
    assert found["coverage_95"] == 0


def test_the_crps_of_a_normal_distribution_is_near_its_closed_form():
    normal = torch.distributions.Normal(0.0, 1.0)
    truth = normal.icdf((torch.arange(2000) + 0.5) / 2000).reshape(1, -1, 1)
    quantiles = normal.icdf(torch.tensor(LEVELS))[:, None, None, None].expand(-1, 1, 2000, 1)
    metrics = ForecastMetrics(1, torch.ones(1), torch.ones(1))
    metrics.update(torch.zeros(2000, 1, dtype=torch.int64), torch.zeros_like(truth), truth, None, quantiles)
    found = metrics.overall()
    assert found["crps"] == pytest.approx(1 / math.sqrt(math.pi), rel=0.02)
    assert found["coverage_80"] == pytest.approx(0.8, abs=0.01)
    assert found["coverage_95"] == pytest.approx(0.95, abs=0.01)


def test_nothing_measured_is_nothing_told():
    assert ForecastMetrics(S, torch.ones(1), torch.ones(1)).overall() == {}
    assert sum(trapezoid(LEVELS)) == pytest.approx(1)


def test_what_two_processes_measure_adds_up_even_where_one_measured_nothing(numbers):
    point, truth, quantiles = numbers
    whole = measured(point, truth, quantiles=quantiles)
    lanes = (slice(0, None, 2), slice(1, None, 2))
    parts = [
        measured(point[:, part], truth[:, part], quantiles=quantiles[:, :, part], rows=ROWS[part])
        for part in lanes
    ]
    nothing = ForecastMetrics(S, torch.tensor([2.0, 4.0]), torch.tensor([0.5, math.nan]))
    for together in (parts[0] + parts[1], whole + nothing, nothing + whole):
        assert together.overall() == pytest.approx(whole.overall(), nan_ok=True)
    assert (nothing + nothing).overall() == {}
