"""Forecasts of a file from a checkpoint alone."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from throughtime.errors import UserError
from throughtime.task.forecasting.predict import predict

SMALL = (
    "task=forecasting",
    "data=csv",
    "data.time=time",
    "data.look_back=12",
    "data.horizon=6",
    "cell.hidden_size=6",
    "model.size=8",
    "model.segment_length=6",
    "task.backtest.origins=0",
    "trainer.max_steps=6",
    "trainer.val_check_interval=6",
    "~callback.forecast_figures",
)


def frame(length: int, start: str = "2024-01-01") -> pd.DataFrame:
    numbers = np.random.default_rng(0)
    columns = {"time": pd.date_range(start, periods=length, freq="h")}
    columns |= {name: 20 + numbers.standard_normal(length) for name in ("load", "heat", "price")}
    return pd.DataFrame(columns)


@pytest.fixture
def trained(command, tmp_path):
    """Trains on a table and loads the run's checkpoint."""

    def train(*options: str, table: pd.DataFrame | None = None):
        (frame(150) if table is None else table).to_csv(tmp_path / "train.csv", index=False)
        ended = command("train.py", *SMALL, f"data.path={tmp_path / 'train.csv'}", *options)
        assert ended.returncode == 0, ended.stderr
        (tmp_path / "train.csv").unlink()  # the checkpoint must do without it
        from throughtime.inference.load import load

        (run,) = (tmp_path / "runs" / "forecasting").iterdir()
        return load(run)

    return train


def write(table: pd.DataFrame, path: Path) -> Path:
    table.to_csv(path, index=False)
    return path


def test_a_forecast_follows_its_history_with_intervals(trained, tmp_path):
    loaded = trained()
    history = write(frame(40), tmp_path / "history.csv")
    predict(loaded.task, history, tmp_path / "out.csv", horizon=15, plot=True)
    rows = pd.read_csv(tmp_path / "out.csv")
    assert rows["series"].unique().tolist() == ["load", "heat", "price"] and len(rows) == 3 * 15
    assert pd.Timestamp(rows["time"].iloc[0]) == pd.Timestamp("2024-01-02 16:00")
    ordered = rows[["lower_95", "lower_80", "upper_80", "upper_95"]].to_numpy()
    assert (np.diff(ordered, axis=1) >= 0).all() and np.isfinite(rows["forecast"]).all()
    assert (tmp_path / "out.png").stat().st_size > 1000


def test_the_beginning_of_a_long_forecast_is_the_short_one(trained, tmp_path):
    loaded = trained()
    history = write(frame(40), tmp_path / "history.csv")
    tables = []
    for horizon in (4, 6, 13):
        predict(loaded.task, history, tmp_path / "out.csv", horizon=horizon)
        rows = pd.read_csv(tmp_path / "out.csv")
        tables.append(rows[rows["step"] <= 4]["forecast"].to_numpy())
    assert np.allclose(tables[0], tables[1]) and np.allclose(tables[0], tables[2])


def test_a_forecast_depends_on_its_look_back_alone(trained, tmp_path):
    loaded = trained()
    outputs = []
    for rows in (frame(40), frame(40).iloc[28:]):
        predict(loaded.task, write(rows, tmp_path / "history.csv"), tmp_path / "out.csv")
        outputs.append(pd.read_csv(tmp_path / "out.csv")["forecast"].to_numpy())
    assert np.allclose(outputs[0], outputs[1])


def test_covariates_of_the_future_are_needed_and_read(trained, tmp_path):
    loaded = trained("data.known=price", "data.values=[load]")
    history = write(frame(40), tmp_path / "history.csv")
    with pytest.raises(UserError, match="needs the covariates price of the steps ahead; give --future FILE"):
        predict(loaded.task, history, tmp_path / "out.csv")
    future = frame(60)[["time", "price"]]  # rows of the past are passed over by their time
    outputs = []
    for shift in (0.0, 5.0):
        future["price"] += shift
        predict(loaded.task, history, tmp_path / "out.csv", future=write(future, tmp_path / "future.csv"))
        outputs.append(pd.read_csv(tmp_path / "out.csv")["forecast"].to_numpy())
    assert not np.allclose(outputs[0], outputs[1])
    with pytest.raises(UserError, match="20 rows follow the history of load, but 21 steps ahead need a row"):
        predict(loaded.task, history, tmp_path / "out.csv", horizon=21, future=tmp_path / "future.csv")


def test_a_long_table_may_have_series_that_training_did_not_have(trained, tmp_path):
    long = frame(80).melt("time", var_name="shop", value_name="sold")
    loaded = trained("data.id=shop", "data.values=sold", table=long)
    history = long[long["shop"] != "heat"].replace({"shop": {"price": "new"}})
    predict(loaded.task, write(history, tmp_path / "history.csv"), tmp_path / "out.csv")
    rows = pd.read_csv(tmp_path / "out.csv")
    assert rows["series"].unique().tolist() == ["load", "new"] and np.isfinite(rows["forecast"]).all()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (frame(40).drop(columns="heat"), "has no column 'heat', which data.values asks for"),
        (frame(40).drop(columns="time"), "has no column 'time', which data.time asks for"),
        (frame(0), "has no rows"),
        (frame(40).iloc[::-1], "set data.sort=true"),
    ],
)
def test_a_history_that_does_not_fit_is_told(trained, tmp_path, table, said):
    with pytest.raises(UserError, match=said):
        predict(trained().task, write(table, tmp_path / "history.csv"), tmp_path / "out.csv")


def test_a_single_row_is_a_history(trained, tmp_path):
    loaded = trained()
    predict(loaded.task, write(frame(1), tmp_path / "history.csv"), tmp_path / "out.csv")
    assert np.isfinite(pd.read_csv(tmp_path / "out.csv")["forecast"]).all()


def test_the_horizon_must_be_positive(trained, tmp_path):
    with pytest.raises(UserError, match="--horizon must be above 0"):
        predict(trained().task, write(frame(40), tmp_path / "history.csv"), None, horizon=0)


def test_forecasts_come_back_in_local_time_and_an_other_step_is_refused(trained, tmp_path):
    table = frame(150)
    local = pd.date_range("2023-10-26", periods=150, freq="h", tz="Europe/Berlin")
    table["time"] = [time.isoformat() for time in local]
    loaded = trained("data.time_zone=Europe/Berlin", table=table)
    history = table[:72]  # ends before the hour that the clock shows twice
    predict(loaded.task, write(history, tmp_path / "history.csv"), tmp_path / "out.csv", horizon=4)
    told = pd.read_csv(tmp_path / "out.csv")["time"][:4].tolist()
    assert told == [str(time) for time in local[72:76]] and told[2:4] == [
        "2023-10-29 02:00:00+02:00",
        "2023-10-29 02:00:00+01:00",
    ]
    daily = frame(40)
    daily["time"] = pd.date_range("2024-01-01", periods=40, freq="D")
    with pytest.raises(UserError, match=r"only 40 of 937 steps of h, .* have a row"):
        predict(loaded.task, write(daily, tmp_path / "history.csv"), tmp_path / "out.csv")


def test_steps_on_the_15th_go_on_on_the_15th(trained, tmp_path):
    table = frame(150)
    table["time"] = pd.date_range("2000-01-01", periods=150, freq="MS") + pd.Timedelta(days=14)
    predict(
        trained(table=table).task, write(table, tmp_path / "history.csv"), tmp_path / "out.csv", horizon=3
    )
    assert pd.read_csv(tmp_path / "out.csv")["time"][:3].tolist() == [
        "2012-07-15",
        "2012-08-15",
        "2012-09-15",
    ]
