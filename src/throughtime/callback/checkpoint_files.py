"""Checkpoint files of a run, written atomically and with finite weights only."""

import logging
import os
from pathlib import Path

import lightning.pytorch as pl
import torch

from throughtime.errors import UserError
from throughtime.files import UNFINISHED

BEST, LAST, PREVIOUS = "best.ckpt", "last.ckpt", "previous.ckpt"
NEXT = ".next.ckpt"

log = logging.getLogger(__name__)


def checkpoint_folder(trainer: pl.Trainer) -> Path:
    """The folder of a run's checkpoints."""
    return Path(trainer.default_root_dir) / "checkpoints"


def write_best(trainer: pl.Trainer) -> str | None:
    """Save the present state as `best.ckpt`; returns a sentence that says why it was not saved, or None."""
    return _write(trainer, BEST)


def write_last(trainer: pl.Trainer) -> str | None:
    """Save the present state as `last.ckpt`, and keep its predecessor as `previous.ckpt`; returns as `write_best`.

    There is a last checkpoint at every moment, and both old files stay where the new one cannot be written.
    """
    problem = _write(trainer, NEXT)
    if problem is None and trainer.is_global_zero:
        folder = checkpoint_folder(trainer)
        if (folder / LAST).exists():  # a second name for the old file before the first one goes to the new
            second_name = folder / f".{PREVIOUS}"
            second_name.unlink(missing_ok=True)
            os.link(folder / LAST, second_name)
            os.replace(second_name, folder / PREVIOUS)
        os.replace(folder / NEXT, folder / LAST)
        _remove_unfinished(folder)
    return problem


def _remove_unfinished(folder: Path) -> None:
    """Remove the temporary files that a process of this run left when it was killed in the middle of a save."""
    for name in (NEXT, BEST):
        for path in folder.glob(f".{name}.{UNFINISHED}"):
            path.unlink(missing_ok=True)


def check_folder(trainer: pl.Trainer) -> None:
    """Raise `UserError` where the run's folder no longer exists, before anything creates parts of it again."""
    folder = checkpoint_folder(trainer)
    if folder.is_symlink():
        raise UserError(f"{folder} is a symbolic link; checkpoints are written to the run's own folder")
    if not folder.is_dir():
        raise UserError(f"{folder} is gone: the run's folder was moved or deleted while the run wrote to it")


def _write(trainer: pl.Trainer, name: str) -> str | None:
    check_folder(trainer)
    folder, problem = checkpoint_folder(trainer), None
    if not has_finite_weights(trainer.lightning_module):
        return _warn(f"the weights at step {trainer.global_step} are not finite, so they are not saved")
    try:
        trainer.save_checkpoint(folder / name)
    except OSError as error:
        trainer.strategy.barrier("Trainer.save_checkpoint")  # where the other ranks wait for this one
        problem = f"no checkpoint could be written in {folder} ({error.strerror or error})"
    if not trainer.strategy.reduce_boolean_decision(problem is None):
        return _warn(problem or f"another process could write no checkpoint in {folder}")
    return None


def _warn(problem: str) -> str:
    log.warning("%s; earlier checkpoints stay", problem)
    return problem


def has_finite_weights(module: pl.LightningModule) -> bool:
    """Whether all weights are finite."""
    return bool(torch.stack([parameter.isfinite().all() for parameter in module.parameters()]).all())
