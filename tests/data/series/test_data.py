"""Forecasting data: no leakage from the future, and artifacts that stand alone."""

import io

import numpy as np
import pytest
import torch

from throughtime.data.series.data import SeriesData
from throughtime.data.series.pmdarima_series import Taylor
from throughtime.data.series.series import SeriesSet, make_series
from throughtime.errors import UserError


def data_of(*values: np.ndarray, **options) -> SeriesData:
    series_set = SeriesSet(
        tuple(make_series(str(place), part) for place, part in enumerate(values)),
        ("x",),
        description="numbers",
    )
    data = SeriesData(lambda: series_set, **{"look_back": 8, "horizon": 4, "seasons": (6,)} | options)
    data.setup()
    return data


def numbers(length: int = 120) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(length).cumsum()


@pytest.mark.parametrize("normalisation", ["none", "last", "standard", "seasonal"])
def test_changing_the_test_part_changes_no_training_and_no_validation(normalisation):
    values = numbers()
    changed = np.where(np.arange(120) < 96, values, 1e6)
    one, other = (data_of(part, normalisation=normalisation) for part in (values, changed))
    for name in ("train", "val"):
        pairs = zip(*(data.windows_of(data.windows[name], 16) for data in (one, other)), strict=True)
        assert all(
            torch.equal(a.targets, b.targets) and torch.equal(a.inputs.history, b.inputs.history)
            for a, b in pairs
        )
    for name in ("mase_scale", "autoregression"):
        assert torch.equal(one.artifacts()[name], other.artifacts()[name])
    assert torch.equal(one.artifacts()["scaler"]["scale"], other.artifacts()["scaler"]["scale"])


def test_the_order_of_the_autoregression_is_chosen_on_validation_alone_and_may_pass_the_look_back():
    """The validation part repeats after 20 steps, of which a model with a look-back of 8 sees less than half."""
    season = np.tile(np.random.default_rng(1).standard_normal(20), 15)
    values = season + 0.05 * np.random.default_rng(2).standard_normal(300)
    split = (0.6, 0.2, 0.2)

    def order(values: np.ndarray) -> int:
        return data_of(values, split=split).artifacts()["autoregression"].shape[-1] - 1

    assert order(values) >= 20
    steps = np.arange(300)
    walk = np.random.default_rng(3).standard_normal(300).cumsum()
    assert order(np.where(steps < 240, values, walk)) == order(values)  # another test part
    assert order(np.where((steps >= 180) & (steps < 240), walk, values)) < 20  # another validation part


def test_without_a_validation_part_the_autoregression_looks_back_as_far_as_the_model():
    data = data_of(numbers(), split=(0.8, 0.0, 0.2))
    assert data.artifacts()["autoregression"].shape == (1, 1, 9)
    assert data_of(numbers(), autoregression_order=15).artifacts()["autoregression"].shape == (1, 1, 16)


def test_other_data_are_compared_with_the_autoregression_of_training():
    fitted = data_of(numbers()).artifacts()
    other = SeriesSet((make_series("0", 3 * numbers() + 50),), ("x",))
    data = SeriesData(lambda: other, look_back=8, horizon=4, seasons=(6,))
    data.restore(fitted)
    data.setup()
    assert torch.equal(data.artifacts()["autoregression"], fitted["autoregression"])


def test_the_parts_have_no_target_in_common():
    data = data_of(numbers())
    targets = {
        name: {int(o) + step for _, o in data.windows[name] for step in range(4)}
        for name in ("train", "val", "test")
    }
    assert not targets["train"] & targets["val"] and not targets["val"] & targets["test"]
    assert max(targets["test"]) == 119 and min(targets["val"]) == 84


def test_artifacts_survive_a_checkpoint():
    artifacts = data_of(numbers(), calendar=()).artifacts()
    file = io.BytesIO()
    torch.save(artifacts, file)
    file.seek(0)
    assert torch.load(file, weights_only=True)["input_sizes"] == artifacts["input_sizes"]


def test_the_only_series_of_other_data_is_the_only_one_of_training_whatever_it_is_called():
    """Its name may come from a file's; where a column names the series, another name is another series."""
    fitted = data_of(numbers()).artifacts()

    def read_again(id: str | None) -> SeriesData:
        renamed = SeriesSet((make_series("another", numbers() + 50),), ("x",))
        data = SeriesData(lambda: renamed, look_back=8, horizon=4, seasons=(6,), joint=True)
        data.restore(fitted | {"reading": fitted["reading"] | {"id": id}})
        data.setup()
        return data

    data = read_again(None)
    assert data.store.indices.tolist() == [0]
    assert np.array_equal(data.store.location[0], fitted["scaler"]["location"][0].numpy())
    with pytest.raises(UserError, match="has the series another, but the model was trained on 0"):
        read_again("shop")


def test_missing_values_in_training_give_inputs_a_mark():
    values = numbers()
    assert data_of(values).artifacts()["input_sizes"]["history_size"] == 1
    values[10] = np.nan
    assert data_of(values).artifacts()["input_sizes"]["history_size"] == 2


def test_short_and_empty_series_are_counted_and_harm_nobody():
    data = data_of(numbers(), numbers(1), numbers(0), np.full(50, np.nan))
    assert data.describe() == "numbers, 4 series, 3 too short to train on"
    assert set(data.windows["train"][:, 0]) == {0}
    assert len(list(data.train_dataloader())) == len(data.train_dataloader())


@pytest.mark.parametrize("length", [0, 1, 5])
def test_data_without_a_training_window_are_refused(length):
    with pytest.raises(UserError, match="no training window has an observed target"):
        data_of(numbers(length))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"look_back": 0}, "data.look_back must be above 0"),
        ({"loading": "rows"}, "choose one of: lanes, windows"),
        ({"loading": "lanes", "normalisation": "last"}, "data.loading=lanes needs data.normalisation=none"),
        ({"normalisation": "seasonal", "seasons": ()}, "needs data.seasons"),
        ({"seasons": (6, 500)}, r"data.seasons=\[6, 500\]: a season of 500 steps .* which has \d+;"),
        ({"split": (0.9, 0.9, 0.9)}, "three fractions"),
        ({"calendar": ("time_of_day",)}, "data.calendar needs times"),
    ],
)
def test_mistakes_are_told(options, said):
    with pytest.raises(UserError, match=said):
        data_of(numbers(), **options)


def test_the_default_data_are_ready_to_train_on():
    data = SeriesData(Taylor(), look_back=336, horizon=48, seasons=(48, 336), calendar=("time_of_week",))
    data.setup()
    batch = next(iter(data.train_dataloader()))
    assert batch.inputs.history.shape == (336, 64, 1) and batch.inputs.known.shape == (384, 64, 2)
    assert data.artifacts()["frequency"] == "30min"
    assert data.fingerprint()["missing"] == 0


@pytest.mark.parametrize(
    ("trained", "found", "fits"),
    [
        ("h", "h", True),
        ("h", "D", False),
        ("MS", "MS-15", True),
        ("ME", "MS", True),
        ("QS-FEB", "QS", True),
        ("W-SUN", "W-MON", True),
        ("MS", "QS", False),
        (None, "D", True),
        ("2h", "h", False),
        ("QS", "YS", False),
    ],
)
def test_data_of_another_step_than_those_of_training_are_refused(trained, found, fits):
    def ready(frequency):
        other = SeriesSet((make_series("0", numbers()),), ("x",), description="f", frequency=frequency)
        return SeriesData(lambda: other, look_back=8, horizon=4)

    first, second = ready(trained), ready(found)
    first.setup()
    second.restore(first.artifacts())
    if fits:
        second.setup()
        return
    with pytest.raises(
        UserError, match=f"steps are of {found}, and the model was trained on steps of {trained};"
    ):
        second.setup()
