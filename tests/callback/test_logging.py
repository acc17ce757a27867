"""Texts, figures and hyperparameters go to each logger that can take them, and to no other."""

import csv
from pathlib import Path

import lightning.pytorch as pl
import pytest
from lightning.pytorch import Callback
from lightning.pytorch.loggers import CSVLogger, MLFlowLogger, TensorBoardLogger, WandbLogger
from matplotlib.figure import Figure
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from throughtime.callback.logging import (
    CSVWriter,
    as_scalar,
    close_loggers,
    continue_csv,
    is_log_step,
    log_figure,
    log_hyperparameters,
    log_layout,
    log_success,
    log_text,
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
    close_loggers(trainer)
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
