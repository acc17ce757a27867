"""Texts, figures and hyperparameters go to each logger that can take them, and to no other."""

import csv
from pathlib import Path
from types import SimpleNamespace

import lightning.pytorch as pl
import pytest
from lightning.pytorch import Callback
from lightning.pytorch.loggers import CSVLogger, MLFlowLogger, TensorBoardLogger, WandbLogger
from matplotlib.figure import Figure
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from throughtime.callback.logging import (
    CSVWriter,
    as_scalar,
    closing_loggers,
    continue_csv,
    continue_mlflow,
    is_log_step,
    log_figure,
    log_hyperparameters,
    log_layout,
    log_success,
    log_text,
    markdown_table,
    read_csv,
    takes_figures,
)

VALUES = {"cell.hidden_size": 8, "horizon": None}


class Everything(Callback):
    """Logs one of each kind at the end of training."""

    def __init__(self) -> None:
        self.takes_figures = False

    def on_train_end(self, trainer, pl_module):
        figure = Figure()
        figure.add_subplot().plot([1, 2])
        log_text(trainer, "val/tags", "| a |\n| --- |")
        self.takes_figures = takes_figures(trainer)
        log_figure(trainer, "val/confusion", figure)
        log_hyperparameters(trainer, VALUES)
        log_hyperparameters(trainer, VALUES | {"cell.hidden_size": 16})
        log_layout(trainer, {"quality": {"loss": ["Multiline", ["train/loss"]]}})
        log_success(trainer, VALUES)


def csv_logger(folder: Path, resumed_step: int | None = None) -> CSVLogger:
    logger = CSVLogger(folder, name="", version="", flush_logs_every_n_steps=1)
    continue_csv(logger, resumed_step)
    return logger


def test_tensorboard_takes_all_of_them(fit, tmp_path):
    fit(everything := Everything(), logger=TensorBoardLogger(tmp_path, name="", version=""))
    assert everything.takes_figures
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert events.Tags()["images"] == ["val/confusion"]
    (image,) = events.Images("val/confusion")
    assert image.step == 12 and image.encoded_image_string.startswith(b"\x89PNG")
    summaries = set(events.summary_metadata)
    assert {"val/tags/text_summary", "custom_scalars__config__", "_hparams_/session_start_info"} <= summaries
    assert "_hparams_/session_end_info" in summaries


def test_a_figure_goes_to_a_file_whatever_the_loggers(fit, tmp_path):
    class Drawing(Callback):
        def on_train_end(self, trainer, pl_module):
            figure = Figure(figsize=(2, 1))
            figure.add_subplot().plot([1, 2])
            log_figure(trainer, "lr_find", figure, tmp_path / "lr_find.png")

    fit(Drawing(), logger=csv_logger(tmp_path))
    with Image.open(tmp_path / "lr_find.png") as image:
        assert (image.format, image.size) == ("PNG", (240, 120))


def test_csv_takes_scalars_only(fit, tmp_path):
    (tmp_path / "config.yaml").write_text("kept")
    fit(everything := Everything(), logger=csv_logger(tmp_path))
    assert not everything.takes_figures
    assert {path.name for path in tmp_path.iterdir()} == {"config.yaml", "metrics.csv"}
    rows = list(csv.DictReader((tmp_path / "metrics.csv").open()))
    validated = {int(row["step"]): float(row["val/loss"]) for row in rows if row["val/loss"]}
    assert list(validated) == [3, 7, 11] and len({*validated.values()}) == 1
    assert [int(row["step"]) for row in rows if row["train/loss"]] == [1, 3, 5, 7, 9, 11]


def test_without_a_logger_and_on_other_ranks_nothing_is_logged(fit, tmp_path):
    fit(everything := Everything(), logger=False)
    assert not everything.takes_figures and list(tmp_path.iterdir()) == []


def test_a_resumed_csv_file_keeps_its_rows_up_to_the_checkpoint(tmp_path):
    first = CSVWriter(str(tmp_path))
    for step in (2, 4, 6):
        first.log_metrics({"train/loss": step / 10}, step)
        first.save()
    second = CSVWriter(str(tmp_path), resumed_step=4)
    assert [row["step"] for row in read_csv(tmp_path / "metrics.csv")] == ["2", "4"]
    second.log_metrics({"val/bpc": 9.0}, 6)
    second.save()
    rows = read_csv(tmp_path / "metrics.csv")
    assert [(row["step"], row["train/loss"], row["val/bpc"]) for row in rows] == [
        ("2", "0.2", ""),
        ("4", "0.4", ""),
        ("6", "", "9.0"),
    ]


def test_a_row_that_a_killed_process_left_unfinished_is_passed_over(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("step,train/loss\n2,0.5\n4,0.2")
    assert read_csv(path) == [{"step": "2", "train/loss": "0.5"}]
    CSVWriter(str(tmp_path), resumed_step=4)
    assert path.read_text().split() == ["step,train/loss", "2,0.5"]


def test_wandb_takes_texts_figures_and_hyperparameters(fit, tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="W&B is not installed (pip install 'throughtime[loggers]')")
    import wandb

    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    settings = wandb.Settings(silent=True, console="off")
    logger = WandbLogger("run", tmp_path, offline=True, project="test", settings=settings)
    trainer = fit(everything := Everything(), logger=logger)
    assert everything.takes_figures
    assert (
        logger.experiment.config["cell.hidden_size"] == 16 and logger.experiment.config["horizon"] == "None"
    )
    (folder,) = (tmp_path / "wandb").glob("offline-run-*")
    media = {path.relative_to(folder / "files").parts[1] for path in (folder / "files/media").rglob("*.*")}
    assert media == {"images", "table"}
    with closing_loggers(trainer):
        assert wandb.run is not None
    assert wandb.run is None


def test_mlflow_takes_texts_figures_and_hyperparameters(fit, tmp_path):
    pytest.importorskip("mlflow", reason="MLflow is not installed (pip install 'throughtime[loggers]')")
    logger = MLFlowLogger(
        "test",
        tracking_uri=f"sqlite:///{tmp_path}/mlflow.db",
        artifact_location=(tmp_path / "files").as_uri(),
    )
    fit(Everything(), logger=logger)
    run = logger.experiment.get_run(logger.run_id)
    assert run.data.params == {"cell.hidden_size": "8", "horizon": "None"}
    assert run.info.status == "FINISHED"
    names = {path.name for path in (tmp_path / "files").rglob("step_*")}
    assert names == {"step_000012.md", "step_000012.png"}
    history = logger.experiment.get_metric_history(logger.run_id, "val/loss")
    assert [point.step for point in history] == [3, 7, 11]


def test_a_resumed_mlflow_run_has_each_point_once(tmp_path):
    pytest.importorskip("mlflow", reason="MLflow is not installed (pip install 'throughtime[loggers]')")
    database = f"sqlite:///{tmp_path}/mlflow.db"
    first = MLFlowLogger("test", tracking_uri=database, artifact_location=(tmp_path / "files").as_uri())
    for step in (2, 4, 6):
        first.log_metrics({"train/loss": 1 / step}, step)
    second = MLFlowLogger("test", tracking_uri=database, run_id=first.run_id)
    continue_mlflow(second)
    for step in (6, 8):  # the checkpoint was of step 4
        second.log_metrics({"train/loss": 1 / step, "val/bpc": 9.0}, step)
    points = {
        key: [point.step for point in second.experiment.get_metric_history(first.run_id, key)]
        for key in ("train/loss", "val/bpc")
    }
    assert points == {"train/loss": [2, 4, 6, 8], "val/bpc": [6, 8]}


class Recorder:
    """Record of calls by name, in place of a library's client."""

    def __init__(self):
        self.calls = {}

    def __getattr__(self, name):
        return lambda *values, **named: self.calls.setdefault(name, []).append((values, named))


class FakeWandb(WandbLogger):
    """W&B's logger without the package: its methods and its run record what they are given."""

    name = version = save_dir = None

    def __init__(self):
        self.run = self._experiment = Recorder()
        for method in ("log_text", "log_image", "log_hyperparams", "log_metrics"):
            setattr(self, method, getattr(self.run, method))

    @property
    def experiment(self):
        return self.run

    def finalize(self, status):
        pass

    def after_save_checkpoint(self, checkpoint_callback):
        pass


class FakeMLflow(MLFlowLogger):
    """MLflow's logger without the package, with points of an earlier session."""

    name = version = save_dir = None
    run_id = "run"

    def __init__(self):
        points = {"train/loss": (2, 4), "val/loss": (4,)}
        self.client = Recorder()
        self.client.get_run = lambda run: SimpleNamespace(
            data=SimpleNamespace(params={"horizon": "None"}, metrics=dict.fromkeys(points, 1.0))
        )
        self.client.get_metric_history = lambda run, key: [SimpleNamespace(step=step) for step in points[key]]
        for method in ("log_hyperparams", "log_metrics"):
            setattr(self, method, getattr(self.client, method))

    @property
    def experiment(self):
        return self.client

    def finalize(self, status):
        pass

    def after_save_checkpoint(self, checkpoint_callback):
        pass


def test_each_logger_that_can_takes_texts_figures_and_hyperparameters(fit, tmp_path):
    wandb, mlflow = FakeWandb(), FakeMLflow()
    fit(everything := Everything(), logger=[wandb, csv_logger(tmp_path), mlflow])
    assert everything.takes_figures
    ((_, text),) = wandb.run.calls["log_text"]
    assert text == {"columns": ["step", "text"], "data": [["12", "| a |\n| --- |"]], "step": 12}
    (((tag, (image,)), _),) = wandb.run.calls["log_image"]
    assert tag == "val/confusion" and image.size == (768, 576)  # 6.4 x 4.8 inches of 120 dots
    assert wandb.run.calls["log_hyperparams"][-1][0] == ({"cell.hidden_size": 16, "horizon": "None"},)
    (((run, text, file), _),) = mlflow.client.calls["log_text"]
    assert (run, text, file) == ("run", "| a |\n| --- |", "val/tags/step_000012.md")
    (((_, figure, file), _),) = mlflow.client.calls["log_figure"]
    assert isinstance(figure, Figure) and file == "val/confusion/step_000012.png"
    assert [values for values, _ in mlflow.client.calls["log_hyperparams"]] == [
        ({"cell.hidden_size": 8},),  # MLflow refuses another value of a parameter that it has
        ({"cell.hidden_size": 16},),
    ]


def test_points_that_mlflow_has_are_not_logged_again():
    logger = FakeMLflow()
    continue_mlflow(logger)
    for step in (4, 6):
        logger.log_metrics({"train/loss": 0.5, "val/loss": 0.6, "val/bpc": 9.0}, step)
    assert [values for values, _ in logger.client.calls["log_metrics"]] == [
        ({"val/bpc": 9.0}, 4),
        ({"train/loss": 0.5, "val/loss": 0.6, "val/bpc": 9.0}, 6),
    ]


def test_wandb_is_closed_as_failed_where_the_run_fails():
    trainer = pl.Trainer(logger=(wandb := FakeWandb()))
    with closing_loggers(trainer):
        pass
    with pytest.raises(ValueError), closing_loggers(trainer):
        raise ValueError
    assert [named for _, named in wandb.run.calls["finish"]] == [{"exit_code": 0}, {"exit_code": 1}]


def test_a_value_that_is_no_scalar_is_logged_as_text():
    assert [as_scalar(value) for value in (None, [1], True, 2, 0.5, "x")] == [
        "None",
        "[1]",
        True,
        2,
        0.5,
        "x",
    ]


def test_callbacks_log_every_n_steps_counted_from_one():
    trainer = pl.Trainer(log_every_n_steps=3, logger=False)
    assert [step for step in range(1, 10) if is_log_step(trainer, step)] == [3, 6, 9]


def test_callbacks_never_log_where_logging_is_off():
    trainer = pl.Trainer(log_every_n_steps=0, logger=False)
    assert not any(is_log_step(trainer, step) for step in range(1, 10))


def test_each_line_of_a_table_in_markdown_has_all_columns():
    lines = markdown_table([("tag", "f1"), ("O|", "0.5"), ("B-X", "1.0")]).split("\n")
    assert lines[:2] == ["| tag | f1 |", "| --- | ---: |"]
    assert {line.count("|") for line in lines} == {3} and len(lines) == 4
