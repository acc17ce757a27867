"""A trained task measured again: on its own test split, or on other data of the same kind."""

import lightning.pytorch as pl
import torch

from throughtime.config.instantiate import instantiate
from throughtime.errors import UserError
from throughtime.inference.averages import RAW
from throughtime.inference.load import load

OTHER_DATA = ("path", "train_path", "val_path", "test_path")


def evaluate(path: str, other: str | None = None, weights: str = RAW) -> dict[str, float]:
    """The test metrics of the run or checkpoint at `path`, by their names.

    Args:
        path: the folder of a run, or a checkpoint.
        other: other data to measure on: of text and tags all of it, of a table of series the part that the split calls
            test; None for the run's own test split, which must lie where it did.
        weights: `raw`, or an average that the run kept: `ema` or `average`.

    Raises:
        UserError: there is no such run, data or average, or the run has no test split.
    """
    loaded = load(path, weights)
    description = dict(loaded.config["data"])
    if other is not None:
        paths = [name for name in OTHER_DATA if name in description]
        if not paths:
            raise UserError(
                f"--path={other}: the data of {path} come from no file, so no other can take its place"
            )
        description |= dict.fromkeys(paths) | {paths[-1]: other}
    data = instantiate(description, "data")
    data.restore(loaded.artifacts)
    data.setup()
    if not data.test_dataloader():
        raise UserError(f"{path} has no test split; give other data with --path")
    loaded.task.measure_on(data.artifacts())
    trainer = pl.Trainer(
        accelerator=_there(loaded.config["trainer"]["accelerator"]),
        devices=1,
        precision=loaded.config["trainer"]["precision"],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.test(loaded.task, datamodule=data, verbose=False)
    return {name: float(value) for name, value in sorted(trainer.callback_metrics.items()) if name != "step"}


def _there(accelerator: str) -> str:
    """Where to measure: what a run was trained on may not be on this machine."""
    return accelerator if accelerator == "cpu" or torch.cuda.is_available() else "auto"
