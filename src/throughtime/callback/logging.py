"""Adapter to the loggers: texts, figures and hyperparameters go to each logger of a run that can take them.

Scalars go through Lightning's `log`, or through `log_scalars` where they are rare. For anything else the loggers have
no interface in common; callbacks and tasks call the functions below, and none of them writes to a logger by itself.

| | TensorBoard | W&B | MLflow | CSV |
|---|---|---|---|---|
| `log_text` | TEXT | a table | an artifact | |
| `log_figure` | IMAGES | an image | an artifact | |
| `log_audio` | AUDIO | audio | an artifact | |
| `log_hyperparameters` | HPARAMS | the run's config | parameters | |
| `log_layout` | CUSTOM SCALARS | | | |
"""

import csv
import io
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import lightning.pytorch as pl
import numpy as np
import torch
from jaxtyping import Float
from lightning.pytorch.loggers import CSVLogger, Logger, MLFlowLogger, TensorBoardLogger, WandbLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from throughtime.files import atomic_write

Kind = TypeVar("Kind", bound=Logger)

Scalar = bool | int | float | str


def is_log_step(trainer: pl.Trainer, step: int) -> bool:
    """Whether this optimiser step, counted from 1, is one of every `trainer.log_every_n_steps`."""
    every = trainer.log_every_n_steps
    return every > 0 and step % every == 0


def log_scalars(trainer: pl.Trainer, values: Mapping[str, float]) -> None:
    """Log numbers that are measured now and then, once, at the optimiser step that is under way.

    Lightning's own `log` would repeat the latest value at every step that is logged after it.

    Args:
        trainer: of the run; nothing is logged on ranks other than 0.
        values: by their names; those that are not finite are left out.
    """
    finite = {name: value for name, value in values.items() if math.isfinite(value)}
    for logger in trainer.loggers if finite else ():
        logger.log_metrics(finite, trainer.global_step + 1)


def log_text(trainer: pl.Trainer, tag: str, text: str) -> None:
    """Log a text in Markdown at the present optimiser step.

    Args:
        trainer: of the run; nothing is logged on ranks other than 0.
        tag: its name, such as `samples` or `val/tags`.
        text: in Markdown, which TensorBoard renders.
    """
    step = trainer.global_step
    for tensorboard in _loggers(trainer, TensorBoardLogger):
        tensorboard.experiment.add_text(tag, text, step)
    for wandb in _loggers(trainer, WandbLogger):
        wandb.log_text(tag, columns=["step", "text"], data=[[str(step), text]], step=step)
    for mlflow in _loggers(trainer, MLFlowLogger):
        mlflow.experiment.log_text(mlflow.run_id, text, f"{tag}/step_{step:06d}.md")


def log_table(trainer: pl.Trainer, tag: str, rows: Sequence[Sequence[str]]) -> None:
    """Log a table as a text in Markdown.

    Args:
        trainer, tag: as `log_text`.
        rows: the header first; all columns but the first are aligned to the right.
    """
    log_text(trainer, tag, markdown_table(rows))


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, of a header and rows of cells; bars in cells are escaped."""
    header, *body = rows
    lines = [header, ("---",) + ("---:",) * (len(header) - 1), *body]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)


def takes_figures(trainer: pl.Trainer) -> bool:
    """Whether a logger of this rank takes figures, so that they are worth drawing."""
    kinds = (TensorBoardLogger, WandbLogger, MLFlowLogger)
    return trainer.is_global_zero and any(isinstance(logger, kinds) for logger in trainer.loggers)


def log_figure(trainer: pl.Trainer, tag: str, figure: Figure, path: Path | None = None) -> None:
    """Log a figure at the present optimiser step.

    Args:
        trainer: of the run; nothing is logged, and nothing written, on ranks other than 0.
        tag: its name, such as `val/confusion`.
        figure: a figure of Matplotlib; it is drawn once for all, as that may take a second.
        path: the PNG file that it is written to as well.
    """
    if not trainer.is_global_zero or (path is None and not takes_figures(trainer)):
        return
    step, image = trainer.global_step, _drawn(figure)
    if path is not None:
        with atomic_write(path) as file:
            image.save(file, format="png")
    for tensorboard in _loggers(trainer, TensorBoardLogger):
        tensorboard.experiment.add_image(tag, np.asarray(image), step, dataformats="HWC")
    for wandb in _loggers(trainer, WandbLogger):
        wandb.log_image(tag, [image], step=step)
    for mlflow in _loggers(trainer, MLFlowLogger):
        mlflow.experiment.log_figure(mlflow.run_id, figure, f"{tag}/step_{step:06d}.png")


def log_audio(trainer: pl.Trainer, tag: str, sound: Float[np.ndarray, " n"], rate: int, path: Path) -> None:
    """Log a sound at the present optimiser step.

    Args:
        trainer: of the run; nothing is logged on ranks other than 0.
        tag: its name, such as `sample`.
        sound: within ±1.
        rate: its samples a second.
        path: a WAV file with the same sound, which W&B and MLflow copy.
    """
    step = trainer.global_step
    for tensorboard in _loggers(trainer, TensorBoardLogger):
        tensorboard.experiment.add_audio(tag, torch.from_numpy(sound)[None], step, rate)
    for wandb in _loggers(trainer, WandbLogger):
        wandb.log_audio(tag, [str(path)], step=step)
    for mlflow in _loggers(trainer, MLFlowLogger):
        mlflow.experiment.log_artifact(mlflow.run_id, str(path), tag)


def log_hyperparameters(trainer: pl.Trainer, values: Mapping[str, Any]) -> None:
    """Log the configuration of a run as it begins.

    TensorBoard is given no list of metrics: it would take that of the first run it finds for all runs, and so hide the
    metrics of other tasks. MLflow refuses to change a parameter, so a resumed run adds new ones only.

    Args:
        trainer: of the run; nothing is logged on ranks other than 0.
        values: the configuration by dotted keys.
    """
    plain = {key: as_scalar(value) for key, value in values.items()}
    _log_session(trainer, plain, ended=False)
    for wandb in _loggers(trainer, WandbLogger):
        wandb.log_hyperparams(plain)
    for mlflow in _loggers(trainer, MLFlowLogger):
        known = mlflow.experiment.get_run(mlflow.run_id).data.params
        mlflow.log_hyperparams({key: value for key, value in plain.items() if key not in known})


def log_success(trainer: pl.Trainer, values: Mapping[str, Any]) -> None:
    """Mark a run as successful on TensorBoard's HPARAMS page; the other loggers do so when Lightning closes them.

    Args:
        trainer: of the run; nothing is logged on ranks other than 0.
        values: as in `log_hyperparameters`.
    """
    _log_session(trainer, {key: as_scalar(value) for key, value in values.items()}, ended=True)


def _log_session(trainer: pl.Trainer, values: dict[str, Scalar], ended: bool) -> None:
    from torch.utils.tensorboard.summary import hparams

    for tensorboard in _loggers(trainer, TensorBoardLogger):
        _, start, end = hparams(values, {})
        tensorboard.experiment._get_file_writer().add_summary(end if ended else start)


def log_layout(trainer: pl.Trainer, layout: dict[str, dict[str, list]]) -> None:
    """Log the layout of TensorBoard's CUSTOM SCALARS page.

    Args:
        trainer: of the run; nothing is logged on ranks other than 0.
        layout: charts by category, as `SummaryWriter.add_custom_scalars` takes them.
    """
    for tensorboard in _loggers(trainer, TensorBoardLogger):
        tensorboard.experiment.add_custom_scalars(layout)


def as_scalar(value: Any) -> Scalar:
    """A value as the loggers take it: numbers, texts and truth values as they are, anything else as text."""
    return value if isinstance(value, Scalar) else str(value)


@contextmanager
def closing_loggers(trainer: pl.Trainer) -> Iterator[None]:
    """Close W&B's run after the block, as failed if the block raises.

    Lightning leaves it open, and W&B holds it globally, so that a later run in this process would write to it.
    """
    exit_code = 1
    try:
        yield
        exit_code = 0
    finally:
        for wandb in _loggers(trainer, WandbLogger):
            if wandb._experiment is not None:
                wandb.experiment.finish(exit_code=exit_code)


def _loggers(trainer: pl.Trainer, kind: type[Kind]) -> Iterator[Kind]:
    """The loggers of this kind; none on ranks other than 0."""
    if trainer.is_global_zero:
        yield from (logger for logger in trainer.loggers if isinstance(logger, kind))


def _drawn(figure: Figure) -> Any:
    """A figure as an image of Pillow, of 120 dots per inch."""
    from PIL import Image

    figure.set_dpi(120)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


class CSVWriter(ExperimentWriter):
    """Writer of `metrics.csv` that continues the file of a resumed run; Lightning's own deletes it.

    Args:
        log_dir: the run's folder.
        resumed_step: the optimiser step of the checkpoint that the run goes on from, after which rows are logged again;
            None for a new run.
    """

    def __init__(self, log_dir: str, resumed_step: int | None = None) -> None:
        self._resumed_step = resumed_step
        super().__init__(log_dir)
        path = Path(self.metrics_file_path)
        if path.is_file() and resumed_step is not None:
            rows = [row for row in read_csv(path) if int(row["step"]) <= resumed_step]
            self.metrics_keys = sorted({key for row in rows for key in row} | {"step"})
            self._write(rows, self.metrics_keys)

    def _rewrite_with_new_header(self, fieldnames: list[str]) -> None:
        self._write(read_csv(Path(self.metrics_file_path)), fieldnames)

    def _check_log_dir_exists(self) -> None:
        """Do nothing: the folder is the run's own and holds other files."""

    def _write(self, rows: list[dict[str, str]], columns: list[str]) -> None:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, columns)
        writer.writeheader()
        writer.writerows(rows)
        with atomic_write(Path(self.metrics_file_path)) as file:
            file.write(text.getvalue().encode())


def read_csv(path: Path) -> list[dict[str, str]]:
    """The whole rows of a metrics.csv; a last one that a killed process left unfinished is passed over."""
    text = path.read_text(encoding="utf-8")
    return list(csv.DictReader(text[: text.rfind("\n") + 1].splitlines()))


def continue_csv(logger: CSVLogger, resumed_step: int | None) -> None:
    """Let a CSV logger write into the run's own folder beside its other files, and continue after a resume."""
    logger._experiment = CSVWriter(os.fspath(logger.log_dir), resumed_step)


def continue_mlflow(logger: MLFlowLogger) -> None:
    """Let an MLflow logger with the id of an earlier run leave out the points that the run has already.

    A resumed run computes again what a killed process logged after its last checkpoint, and MLflow keeps both of two
    points with the same step.
    """
    client, run = logger.experiment, logger.run_id
    logged = {
        key: {point.step for point in client.get_metric_history(run, key)}
        for key in client.get_run(run).data.metrics
    }
    log_metrics = logger.log_metrics

    def log_new(metrics: Mapping[str, float], step: int | None = None) -> None:
        log_metrics({key: value for key, value in metrics.items() if step not in logged.get(key, ())}, step)

    logger.log_metrics = log_new
