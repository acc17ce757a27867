"""Forecasting as a user runs it: measured, shown, resumed to the last bit, and mistakes in a sentence."""

import csv
import json
import random
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from throughtime.cell.gru import GRU
from throughtime.data.series.data import SeriesData
from throughtime.data.series.series import SeriesSet, make_series
from throughtime.engine.auto import Auto
from throughtime.errors import UserError
from throughtime.head.gaussian import Gaussian
from throughtime.head.negative_binomial import NegativeBinomial
from throughtime.head.softmax import Softmax
from throughtime.model.forecast.recursive import Recursive
from throughtime.model.forecast.segments import Segments
from throughtime.model.inputs.linear import Linear
from throughtime.model.layers.stack import Stack
from throughtime.optim.optimization import Optimization
from throughtime.run.build import build_data, build_task
from throughtime.task.forecasting.calibration import Calibration
from throughtime.task.forecasting.comparison import Comparison
from throughtime.task.forecasting.metrics import LEVELS
from throughtime.task.forecasting.task import Forecasting, forward_filled, path_quantile

REPOSITORY = Path(__file__).resolve().parents[3]
SMALL = (
    "task=forecasting",
    "cell.hidden_size=6",
    "data.look_back=24",
    "data.horizon=6",
    "data.seasons=[24]",
    "data.autoregression_order=5",
    "callback.checkpoint.every_n_steps=3",
    "trainer.max_steps=12",
    "trainer.val_check_interval=5",
    "trainer.limit_test_batches=2",
    "trainer.limit_val_batches=2",
)
DECODING = {
    "segments": ("model=segments", "model.size=8", "model.segment_length=6"),
    "direct": ("model=direct", "model.size=8", "head=gaussian"),
    "recursive, windows": ("model=recursive", "head=student_t", "data.batch_size=16", "task.paths=5"),
    "recursive, lanes": (
        "model=recursive",
        "head=mse",
        "data.loading=lanes",
        "data.normalisation=none",
        "data.chunk_length=10",
        "task.horizon=15",
    ),
    "scheduled sampling": (
        "model=encoder_decoder",
        "model.teacher_forcing=0.5",
        "model.decay=5",
        "head=huber",
        "data.batch_size=16",
    ),
}


def numbers(length: int = 200) -> np.ndarray:
    steps = np.arange(length)
    return 50 + 10 * np.sin(steps / 4) + np.random.default_rng(0).standard_normal(length)


def built(model=None, head=Gaussian, values=None, **options) -> tuple[Forecasting, SeriesData]:
    torch.manual_seed(0)
    values = numbers() if values is None else values
    series_set = SeriesSet((make_series("x", values),), ("x",), description="numbers")
    data = SeriesData(lambda: series_set, **{"look_back": 12, "horizon": 4, "batch_size": 32} | options)
    data.setup()
    artifacts = data.artifacts()
    parts = {"layers": Stack, "cell": partial(GRU, hidden_size=8), "engine": Auto()}
    if model is Recursive:
        parts["front"] = Linear
    else:
        parts |= {"segment_length": 4, "size": 8}
    model = (model or Segments)(**parts, **artifacts["input_sizes"])
    head = head(input_size=model.output_size, **artifacts["output_sizes"])
    return Forecasting(model, head, Optimization(torch.optim.Adam), artifacts), data


def evaluate(task: Forecasting, data: SeriesData, stage: str, batch_size: int) -> dict[str, float]:
    task.eval()._begin(stage)
    with torch.no_grad():
        for batch in data.windows_of(data.windows[stage], batch_size):
            task.chunk_loss(stage, batch)
    return dict(task.metrics(stage, 0.0))


def test_metrics_do_not_depend_on_the_size_of_batches():
    task, data = built()
    assert evaluate(task, data, "val", 3) == pytest.approx(evaluate(task, data, "val", 256), rel=1e-4)


def test_intervals_follow_errors_that_grow_after_the_validation_part():
    """Noise that is four times as strong in the test part leaves offsets of validation far too narrow."""
    noise = np.random.default_rng(1).standard_normal(4000) * np.where(np.arange(4000) < 1200, 1, 4)
    coverage = {}
    for rate in (0.0, 0.05):
        task, data = built(values=noise, split=(0.2, 0.1, 0.7))
        task.calibration = Calibration(LEVELS, data.horizon, rate)
        evaluate(task, data, "val", 64)
        task.calibration.fit()
        task.comparison = Comparison(task.artifacts, task.new_metrics)
        task.adaptation = task.calibration.adaptation()
        coverage[rate] = evaluate(task, data, "test", 64)["coverage_80"]
    assert coverage[0.0] < 0.45 and abs(coverage[0.05] - 0.8) < 0.05


def test_it_learns_a_wave():
    task, data = built(normalisation="last")
    optimizer = torch.optim.Adam(task.parameters(), lr=0.02)
    before = evaluate(task, data, "val", 256)["mae"]
    task.train()
    for _ in range(12):
        for batch in data.train_dataloader():
            optimizer.zero_grad()
            task.chunk_loss("train", batch)[0].backward()
            optimizer.step()
    assert evaluate(task, data, "val", 256)["mae"] < before / 2


def sales(length: int = 200) -> np.ndarray:
    return np.random.default_rng(0).poisson(1.5, length).astype(float)


def test_calibrated_intervals_of_counts_are_counts_and_cover_no_less():
    """An offset wider than the counts themselves moves no bound below 0, nor off the whole numbers."""
    task, data = built(head=NegativeBinomial, scaler="mean", values=sales())
    task.eval().calibration.offsets.fill_(0.37)
    batch = next(iter(data.loader("test")))
    with torch.no_grad():
        quantiles = task.forecast(batch.inputs).quantiles
        features = task.model.forecast(batch.inputs, task.head.predict)
        moved = batch.inputs.original(task.calibration(task._quantiles(batch.inputs, features)))
    assert bool((moved < 0).any())  # what the support is for
    assert bool((quantiles >= 0).all()) and torch.equal(quantiles, quantiles.round())
    truth = batch.inputs.original(batch.targets)
    half = len(quantiles) // 2
    assert bool((quantiles[:half] <= moved[:half].clamp(min=0) + 1e-2).all())
    assert bool((quantiles[-half:] >= moved[-half:] - 1e-2).all())
    for outer in range(half):
        coverage = [
            float(((truth >= part[outer] - 1e-3) & (truth <= part[-1 - outer] + 1e-3)).float().mean())
            for part in (quantiles, moved)
        ]
        assert coverage[0] >= coverage[1]


@pytest.mark.parametrize(("values", "told"), [(sales(), None), (sales() + 0.5, (140, 0.5))])
def test_values_that_are_no_counts_are_counted(values, told):
    _, data = built(head=NegativeBinomial, scaler="mean", values=values)
    found = data.artifacts()["fractional"]
    assert found == (told and {"count": told[0], "example": values[0]})


def test_fractional_data_under_a_head_of_counts_are_told(command, tmp_path: Path):
    rows = "".join(f"{step % 5 + 0.5 * (step == 7)}\n" for step in range(120))
    (tmp_path / "sold.csv").write_text("sold\n" + rows)
    options = ("data=csv", "data.path=sold.csv", "data.scaler=mean", "data.normalisation=none")
    small = ("data.look_back=6", "data.horizon=3", "data.seasons=[]", "trainer.max_steps=1")
    parts = ("head=negative_binomial", "model.segment_length=3", "task.backtest.origins=0")
    ended = command("train.py", "task=forecasting", *options, *small, *parts, "~callback.forecast_figures")
    assert ended.returncode == 0, ended.stderr
    said = "1 of the training values are no whole numbers (such as 2.5)"
    assert said in ended.stdout + ended.stderr


def test_missing_targets_change_nothing_that_is_learned():
    """Whatever a missing value might have been: it is no number anywhere."""
    values = numbers()
    values[30:60:7] = np.nan
    task, data = built(values=values)
    batch = next(iter(data.train_dataloader()))
    loss, count = task.chunk_loss("train", batch)
    assert bool(torch.isfinite(loss)) and count == int(batch.mask.sum()) < batch.targets.numel()


def test_a_missing_truth_is_held_for_teacher_forcing():
    values = numbers(40)
    values[20:22] = np.nan
    _, data = built(model=Recursive, values=values)
    batch = data.windows_of(np.array([[0, 20]]), 1).batch(np.array([[0, 20]]))
    held = forward_filled(batch)
    assert torch.equal(held[:2, 0, 0], batch.inputs.history[-1, 0, 0].expand(2))
    assert torch.equal(held[2:], batch.targets[2:])


def test_quantiles_of_many_paths_are_those_of_their_distribution():
    paths = torch.randn(999, 2, 3, 1, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(path_quantile(paths, 0.9), torch.full((2, 3, 1), 1.28), atol=0.2)


def test_parts_that_do_not_go_together_are_refused():
    with pytest.raises(UserError, match=r"needs head=mse"):
        built(head=lambda input_size, channels: Softmax(input_size, 3))
    with pytest.raises(
        UserError, match=r"data\.loading=lanes trains one step ahead; it needs model=recursive"
    ):
        built(loading="lanes", chunk_length=8, batch_size=4)
    with pytest.raises(UserError, match=r"set data\.scaler=mean"):
        built(head=NegativeBinomial)
    assert built(head=NegativeBinomial, scaler="mean", values=numbers().round())[0].head.counts


@pytest.fixture
def series(tmp_path: Path) -> Path:
    path = tmp_path / "series.csv"
    generator = random.Random(0)
    with path.open("w") as file:
        file.write("when,load,heat,price\n")
        for step in range(260):
            cells = [f"2024-01-{1 + step // 24:02d} {step % 24:02d}:00"]
            cells += [f"{generator.gauss(10, 2) + 5 * (step % 24 < 8):.4f}" for _ in range(3)]
            if step in (40, 41, 200):
                cells[1] = ""
            file.write(",".join(cells) + "\n")
    return path


def own(series: Path) -> tuple[str, ...]:
    return (*SMALL, "data=csv", f"data.path={series}", "data.time=when", "data.known=price")


def only_run(folder: Path) -> Path:
    (run,) = (folder / "runs" / "forecasting").iterdir()
    return run


@pytest.mark.parametrize("name", DECODING)
def test_a_killed_run_ends_as_if_it_had_not_been_killed(command, tmp_path, series, name):
    weights = []
    for kills in ((), (7,)):
        folder = tmp_path / f"killed {len(kills)}"
        folder.mkdir()
        arguments = (*own(series), *DECODING[name], "~callback.forecast_figures", "task.backtest.origins=0")
        for step in kills:
            assert command("train.py", *arguments, folder=folder, signal_at_step=(9, step)).returncode == -9
            arguments = (f"resume={only_run(folder)}",)
        ended = command("train.py", *arguments, folder=folder)
        assert ended.returncode == 0, ended.stderr
        checkpoint = torch.load(only_run(folder) / "checkpoints" / "last.ckpt", weights_only=True)
        weights.append(checkpoint["state_dict"])
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


@pytest.mark.parametrize(("patience", "steps"), [(1, 10), (2, 12)])
def test_a_run_stops_where_validation_no_longer_improves(command, tmp_path, series, patience, steps):
    """Nothing is an improvement by a billion but the first value; without a stop the run has 12 steps."""
    options = (f"callback.early_stopping.patience={patience}", "callback.early_stopping.min_delta=1e9")
    arguments = (*own(series), *DECODING["segments"], *options)
    ended = command("train.py", *arguments, "~callback.forecast_figures", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    results = json.loads((only_run(tmp_path) / "results.json").read_text())
    assert (results["status"], results["steps"]) == ("completed", steps)
    assert "test/mae" in results["metrics"]


def test_a_run_leaves_its_tables_figures_and_results(command, tmp_path, series):
    ended = command("train.py", *own(series), *DECODING["segments"], folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    for line in ("this model", "naive", "seasonal naive 24", "drift", "autoregression 5"):
        assert f"\n{line} " in ended.stdout
    run = only_run(tmp_path)
    metrics = json.loads((run / "results.json").read_text())["metrics"]
    names = {"mae", "rmse", "mse", "smape", "mase", "pinball", "crps", "coverage_80", "coverage_95"}
    assert names <= {name.removeprefix("test/") for name in metrics}
    with (run / "test_steps.csv").open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["1", "2", "3", "4", "5", "6"]
    with (run / "test_series.csv").open() as file:
        assert [row["series"] for row in csv.DictReader(file)] == ["load", "heat"]
    with (run / "backtest.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {"series", "origin", "step", "time", "forecast", "lower_80", "upper_95", "truth"} <= rows[0].keys()
    assert {file.stem for file in (run / "figures").iterdir()} == {"forecast", "error_by_step", "residuals"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("data=characters",),
            "task=forecasting cannot be trained on data=characters; data that fit: airpassengers, csv, lorenz",
        ),
        (("data=csv", "data.path=none.csv"), "data.path=none.csv: there is no such file"),
        (("data.horizon=0",), "data.horizon must be above 0"),
        (
            ("data.look_back=12", "model.segment_length=48"),
            "segment_length=48 is longer than data.look_back=12",
        ),
    ],
)
def test_mistakes_are_one_sentence(command, arguments, said):
    ended = command("train.py", "task=forecasting", *arguments)
    assert ended.returncode == 2 and said in ended.stderr and "Traceback" not in ended.stderr


SOURCES = {
    "taylor": (),
    "sunspots": (),
    "airpassengers": (),
    "mackey_glass": ("data.source.length=500",),
    "lorenz": ("data.source.length=300",),
    "narma10": ("data.source.length=300",),
}
CHOICES = [
    *((f"data={name}", *options) for name, options in SOURCES.items()),
    *((f"model={name}",) for name in ("direct", "recursive", "encoder_decoder")),
    *((f"head={name}",) for name in ("mse", "mae", "huber", "gaussian", "student_t", "quantile")),
    ("head=negative_binomial", "data.scaler=mean", "data.normalisation=none"),
    ("experiment=mackey_glass", "data.source.length=500"),
]


@pytest.mark.parametrize("choice", CHOICES, ids=" ".join)
def test_every_choice_composes_and_forecasts(choice):
    with initialize_config_dir(str(REPOSITORY / "conf"), version_base="1.3"):
        composed = compose("config", ["task=forecasting", "cell.hidden_size=4", *choice])
        config = OmegaConf.to_container(composed, resolve=True)
    data = build_data(config)
    task = build_task(config, data.artifacts()).eval()
    batch = data.windows_of(data.windows["train"][:2], 2).batch(data.windows["train"][:2])
    with torch.no_grad():
        made = task.forecast(batch.inputs)
    assert made.point.shape == batch.targets.shape and bool(torch.isfinite(made.quantiles).all())


@pytest.mark.parametrize("experiment", ["etth1", "etth1_univariate"])
def test_recipes_of_own_data_compose_and_reach_the_published_split(experiment, public_data):
    path = public_data / "series" / "ETTh1.csv"
    if not path.is_file():
        pytest.skip(f"no {path}")
    with initialize_config_dir(str(REPOSITORY / "conf"), version_base="1.3"):
        composed = compose("config", [f"experiment={experiment}", f"data.path={path}"])
        config = OmegaConf.to_container(composed, resolve=True)
    data = build_data(config)
    series = 7 if experiment == "etth1" else 1
    assert data.sizes == {"train": series * 7825, "val": series * 2785, "test": series * 2785}
    assert build_task(config, data.artifacts()).units == "standardised"
