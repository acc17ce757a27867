"""The table beside the baselines."""

import numpy as np
import torch

from throughtime.data.series.data import SeriesData
from throughtime.data.series.series import SeriesSet, make_series
from throughtime.data.series.store import SeriesStore
from throughtime.data.window import Window
from throughtime.distributed.collectives import rank, world_size
from throughtime.task.forecasting.comparison import Comparison
from throughtime.task.forecasting.metrics import ForecastMetrics


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


def test_the_autoregression_looks_back_further_than_the_model_and_no_further_than_the_origin():
    """x_t = x_{t-9} is exact from nine steps of history, which a model with three does not have."""
    values = np.tile(np.random.default_rng(0).standard_normal(9), 8)
    series_set = SeriesSet((make_series("x", values),), ("x",), description="numbers")
    sizes = {"look_back": 3, "horizon": 12, "split": (0.5, 0.2, 0.3), "autoregression_order": 9}
    data = SeriesData(lambda: series_set, **sizes)
    data.setup()
    coefficients = torch.tensor([[[0.0, 1.0, *[0.0] * 8]]])
    artifacts = data.artifacts() | {"autoregression": coefficients}
    assert data.artifacts()["autoregression"].shape == coefficients.shape

    def mae(store: SeriesStore | None) -> float:
        comparison = Comparison(artifacts, lambda: ForecastMetrics(12, torch.ones(1), torch.ones(1)), store)
        for batch in data.loader("test"):
            window = batch.inputs
            comparison.update(window.series[:, None], window, window.original(batch.targets), batch.mask)
        return comparison.measured["autoregression 9"].overall()["mae"]

    assert mae(data.store) < 1e-5 < mae(None)
    comparison = Comparison(
        artifacts | {"seasons": [9]}, lambda: ForecastMetrics(12, *torch.ones(2, 1)), data.store
    )
    for batch in data.loader("test"):
        window = batch.inputs
        comparison.update(window.series[:, None], window, window.original(batch.targets), batch.mask)
    assert comparison.measured["seasonal naive 9"].overall()["mae"] < 1e-5
    after = int(data.windows["test"][0, 1])
    data.store.values[after:] = 50.0
    first = data.windows_of(data.windows["test"][:1], 1).batch(data.windows["test"][:1]).inputs
    comparison = Comparison(artifacts, lambda: ForecastMetrics(12, torch.ones(1), torch.ones(1)), data.store)
    truth = torch.from_numpy(values[after : after + 12]).float()[:, None, None]
    comparison.update(first.series[:, None], first, truth, None)
    assert comparison.measured["autoregression 9"].overall()["mae"] < 1e-5


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
