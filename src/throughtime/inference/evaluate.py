"""Evaluate a trained task: on its own test split, or on other data of the same kind."""

from collections.abc import Callable, Mapping

import lightning.pytorch as pl
import torch

from throughtime.config.instantiate import instantiate
from throughtime.data.base import DataModule
from throughtime.errors import UserError
from throughtime.inference.averages import RAW
from throughtime.inference.load import Loaded, load
from throughtime.run.checkpoint_content import shape_errors_as_user_errors
from throughtime.run.recorded_data import unrecorded_files


def evaluate(
    path: str,
    other: str | None = None,
    weights: str = RAW,
    report: Callable[[str], None] | None = None,
) -> dict[str, float]:
    """The test metrics of the run or checkpoint at `path`, by their names.

    Args:
        path: the folder of a run, or a checkpoint.
        other: a file of other data to evaluate on, whole or the part that the data's own split takes for the test;
            None for the run's own test split, which must lie where it did, unchanged.
        weights: `raw`, or an average that the run kept: `ema` or `average`.
        report: takes a line that names the files that are read, before they are.

    Raises:
        UserError: there is no such run, data or average, or the run has no test split.
    """
    loaded = load(path, weights)
    data = evaluation_data(loaded, path, other, report)
    if not data.test_dataloader():
        raise UserError(f"{path} has no test split; give other data with --path")
    loaded.task.measure_on(data.artifacts())
    trainer = pl.Trainer(
        accelerator=_available(loaded.config["trainer"].get("accelerator", "auto")),
        devices=1,
        precision=loaded.config["trainer"].get("precision", "32-true"),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.test(loaded.task, datamodule=data, verbose=False)
    return {name: float(value) for name, value in sorted(trainer.callback_metrics.items()) if name != "step"}


def evaluation_data(
    loaded: Loaded, path: str, other: str | None, report: Callable[[str], None] | None = None
) -> DataModule:
    """The data that a trained task is evaluated on, set up.

    Args:
        loaded: the task.
        path: where it was loaded from, for messages.
        other, report: as of `evaluate`.

    Raises:
        UserError: there are no such data, or those of the run have changed.
    """
    data: DataModule = instantiate(loaded.config["data"], "data")
    if not isinstance(loaded.config.get("trainer"), Mapping):
        raise UserError(
            f"{loaded.path} is not a checkpoint of throughtime: its configuration lacks the trainer"
        )
    if other is not None:
        # Of a key for each of several tasks, `data.path.films`, the argument is the first name.
        keys = list(dict.fromkeys(key.split(".")[1] for key in data.paths()))
        if not keys:
            raise UserError(
                f"--path={other}: the data of {path} come from no file, so no other can take its place"
            )
        # The last key is that of the test split; a data set of one file has no other.
        places = dict.fromkeys(keys) | {keys[-1]: other}
        data = instantiate({**loaded.config["data"], **places}, "data")
    files = [str(place) for place in data.paths().values() if place is not None]
    if report is not None and files:
        report(f"reading {', '.join(files)}")
    with shape_errors_as_user_errors(loaded.path):
        data.restore(loaded.artifacts)
    data.setup()
    if other is None and unrecorded_files(data, loaded.fingerprint):
        raise UserError(
            f"{', '.join(files)}: these are not the data that {path} was trained on, so nothing is measured on them; "
            f"name them to do so: --path {files[-1]}"
        )
    return data


def _available(accelerator: str) -> str:
    """The accelerator of the training where this machine has it, else any."""
    return accelerator if accelerator == "cpu" or torch.cuda.is_available() else "auto"
