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


@pytest.mark.parametrize("segment", [4, 6])
def test_with_a_calendar_too_a_step_does_not_depend_on_the_steps_after_it(trained, tmp_path, segment):
    """A segment reads the calendar of all its steps, whether or not they are asked for."""
    loaded = trained("data.calendar=[time_of_day]", f"model.segment_length={segment}")
    history = write(frame(40), tmp_path / "history.csv")
    tables = {}
    for horizon in (1, 4, 6, 8, 15):
        predict(loaded.task, history, tmp_path / "out.csv", horizon=horizon)
        tables[horizon] = pd.read_csv(tmp_path / "out.csv")
        assert len(tables[horizon]) == 3 * horizon
    columns = ["series", "step", "time", "forecast", "lower_95", "upper_80"]
    for horizon, rows in tables.items():
        longest = tables[15][tables[15]["step"] <= horizon].reset_index(drop=True)
        pd.testing.assert_frame_equal(rows[columns], longest[columns], rtol=1e-5)


def test_covariates_of_a_whole_segment_are_read_however_short_the_forecast_is(trained, tmp_path):
    loaded = trained("data.known=price", "data.values=[load]", "model.segment_length=4")
    history, rows = write(frame(40), tmp_path / "history.csv"), frame(60)[["time", "price"]].iloc[40:]
    firsts = []
    for horizon, given in ((1, 4), (1, 20), (4, 4), (6, 6), (8, 10), (8, 20)):
        future = write(rows.iloc[:given], tmp_path / "future.csv")
        predict(loaded.task, history, tmp_path / "out.csv", horizon=horizon, future=future)
        firsts.append(pd.read_csv(tmp_path / "out.csv")["forecast"].iloc[0])
    assert np.allclose(firsts, firsts[0])
    for horizon, given, needed in ((1, 3, 4), (5, 5, 6), (7, 9, 10)):
        future = write(rows.iloc[:given], tmp_path / "future.csv")
        with pytest.raises(UserError, match=f"{given} rows follow .* of {needed} steps ahead"):
            predict(loaded.task, history, tmp_path / "out.csv", horizon=horizon, future=future)


def test_a_forecast_of_joint_channels_does_not_depend_on_the_name_of_the_file(trained, tmp_path):
    loaded = trained("data.joint=true")
    outputs = []
    for name in ("train", "history", "h"):
        history = frame(40)
        history[["load", "heat", "price"]] += 7  # scaled by itself, it would lose this
        predict(loaded.task, write(history, tmp_path / f"{name}.csv"), tmp_path / "out.csv")
        outputs.append(pd.read_csv(tmp_path / "out.csv"))
    pd.testing.assert_frame_equal(outputs[0], outputs[1])
    pd.testing.assert_frame_equal(outputs[0], outputs[2])


def test_a_new_series_of_a_long_table_is_not_taken_for_the_only_one_of_training(trained, tmp_path):
    long = frame(150)[["time", "load"]].assign(shop="first")
    loaded = trained("data.id=shop", "data.values=load", table=long)
    outputs = []
    for name in ("first", "second"):
        history = long.iloc[:40].assign(shop=name, load=long["load"][:40] + 30)
        predict(loaded.task, write(history, tmp_path / "history.csv"), tmp_path / "out.csv")
        outputs.append(pd.read_csv(tmp_path / "out.csv"))
    assert outputs[1]["series"].unique().tolist() == ["second"]
    assert not np.allclose(outputs[0]["forecast"], outputs[1]["forecast"])


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
    with pytest.raises(UserError, match=r"20 rows follow the history of load, but .* 24 steps ahead; give a"):
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


@pytest.mark.parametrize("horizon", [10**6 + 1, 10**12])
def test_a_horizon_that_no_machine_forecasts_is_refused(trained, tmp_path, horizon):
    with pytest.raises(UserError, match=f"--horizon={horizon} is above its limit of 1,000,000 steps"):
        predict(trained().task, write(frame(40), tmp_path / "history.csv"), None, horizon=horizon)


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


def test_intervals_are_adapted_to_the_history(trained, tmp_path):
    """A history that strays from what was forecast widens them; that of the last ten horizons counts."""
    loaded = trained()
    widths = []
    for strength in (1, 5):
        history = frame(90)
        history.loc[30:, "load"] = 20 + strength * (history["load"][30:] - 20)
        predict(loaded.task, write(history, tmp_path / "history.csv"), tmp_path / "out.csv")
        rows = pd.read_csv(tmp_path / "out.csv")
        widths.append((rows["upper_80"] - rows["lower_80"]).groupby(rows["series"]).mean())
    assert widths[1]["load"] > 1.5 * widths[0]["load"]
    assert widths[1]["heat"] == pytest.approx(widths[0]["heat"], rel=1e-6)
