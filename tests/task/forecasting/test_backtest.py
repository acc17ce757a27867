"""Rolling origins: the last ones, evenly apart, none of which sees what it forecasts."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from throughtime.cell.gru import GRU
from throughtime.data.series.data import SeriesData
from throughtime.data.series.series import SeriesSet, make_series
from throughtime.engine.auto import Auto
from throughtime.errors import UserError
from throughtime.head.point import Point
from throughtime.model.forecast.segments import Segments
from throughtime.model.layers.stack import Stack
from throughtime.optim.optimization import Optimization
from throughtime.task.forecasting.backtest import Backtest
from throughtime.task.forecasting.task import Forecasting


def built(values: list[np.ndarray]) -> tuple[Forecasting, SeriesData]:
    torch.manual_seed(0)
    series_set = SeriesSet(tuple(make_series(str(place), part) for place, part in enumerate(values)), ("x",))
    data = SeriesData(lambda: series_set, look_back=8, horizon=4, batch_size=16)
    data.setup()
    artifacts = data.artifacts()
    sizes = {"segment_length": 4, "size": 8} | artifacts["input_sizes"]
    model = Segments(layers=Stack, cell=partial(GRU, hidden_size=6), engine=Auto(), **sizes)
    head = Point(model.output_size, 1)
    return Forecasting(model, head, Optimization(torch.optim.Adam), artifacts).eval(), data


@pytest.fixture
def values() -> list[np.ndarray]:
    return [
        np.random.default_rng(seed).standard_normal(length).cumsum() for seed, length in ((0, 100), (1, 80))
    ]


def table(folder: Path, values: list[np.ndarray], **options) -> pd.DataFrame:
    task, data = built(values)
    with torch.inference_mode():  # as at the end of a test
        Backtest(**options).run(task, data, folder)
    return pd.read_csv(folder / "backtest.csv")


def test_the_last_origins_of_each_series_are_forecast(tmp_path, values):
    rows = table(tmp_path, values, origins=3, stride=5)
    assert len(rows) == 2 * 3 * 4
    origins = rows[rows["series"] == 0]["origin"].unique()
    assert origins.tolist() == [85, 90, 95]  # the last step that was known
    assert np.allclose(rows["truth"], [values[row.series][row.time] for row in rows.itertuples()], rtol=1e-4)


def test_a_forecast_does_not_depend_on_what_came_later(tmp_path, values):
    before = table(tmp_path, values, origins=2, refit_steps=3)
    changed = [np.where(np.arange(100) < 96, values[0], 1e5), values[1]]
    after = table(tmp_path, changed, origins=2, refit_steps=3)
    assert np.allclose(before["forecast"], after["forecast"], rtol=1e-5)
    assert not np.allclose(before["truth"], after["truth"])


def test_refitting_changes_forecasts_and_leaves_the_weights(tmp_path, values):
    task, data = built(values)
    weights = {name: value.clone() for name, value in task.state_dict().items()}
    tables = []
    for steps in (0, 3):
        with torch.inference_mode():
            Backtest(origins=2, refit_steps=steps).run(task, data, tmp_path)
        tables.append(pd.read_csv(tmp_path / "backtest.csv"))
        assert all(torch.equal(value, weights[name]) for name, value in task.state_dict().items())
    assert not np.allclose(tables[0]["forecast"], tables[1]["forecast"])
    assert not task.training


def test_no_origins_leave_no_file(tmp_path, values):
    Backtest(origins=0).run(*built(values), tmp_path)
    assert not (tmp_path / "backtest.csv").exists()
    with pytest.raises(UserError, match=r"task\.backtest\.stride"):
        Backtest(stride=0)
