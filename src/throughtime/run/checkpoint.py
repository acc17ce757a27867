"""Checkpoint files: written whole or not at all, checked before they are read, and never able to run code."""

import logging
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.checkpoint_io import CheckpointIO

from throughtime.callback.checkpoint_files import BEST, LAST, PREVIOUS
from throughtime.errors import UserError
from throughtime.run.folder import RunFolder, existing_run, replacing

DATA_PATHS = ("path", "train_path", "val_path", "test_path", "vectors")

log = logging.getLogger(__name__)


class WholeFileIO(CheckpointIO):
    """Lightning's way to the disk: save by rename after a flush, load tensors and plain containers only.

    Args:
        extra: what every checkpoint also holds, so that it stands alone: the configuration and the fitted artifacts.
    """

    def __init__(self, extra: dict[str, Any]) -> None:
        self.extra = extra

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        with replacing(Path(path)) as file:
            try:
                torch.save(checkpoint | self.extra, file)
            except RuntimeError as error:  # PyTorch's own complaint that its write was cut short
                if isinstance(error.__context__, OSError):
                    raise error.__context__ from None
                raise

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        return read_checkpoint(Path(path), map_location or "cpu")

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)


def standing_alone(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration whose data are found from any folder: relative paths of files are written in full."""
    data = {key: _whole(value) if key in DATA_PATHS else value for key, value in config["data"].items()}
    return {**config, "data": data}


def _whole(place: Any) -> Any:
    if isinstance(place, list):
        return [_whole(one) for one in place]
    return os.path.abspath(os.path.expanduser(place)) if isinstance(place, str) else place


def read_checkpoint(path: Path, map_location: Any = "cpu") -> dict[str, Any]:
    """A checkpoint's content; every record is checked against its CRC-32 before anything is unpacked.

    Raises:
        UserError: the file is missing, truncated or damaged, or holds more than tensors and plain containers.
    """
    damaged = _damaged_record(path)
    if damaged is not None:
        raise UserError(f"{path} is damaged (its record {damaged} does not match its checksum)")
    try:
        return torch.load(path, map_location=map_location, weights_only=True)
    except Exception as error:  # pickle.UnpicklingError, and whatever a hostile or foreign pickle may raise
        raise UserError(
            f"{path} holds more than tensors and plain containers, so it is not loaded"
        ) from error


def _damaged_record(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip()
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such checkpoint") from error
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise UserError(f"{path} is truncated or not a checkpoint ({error})") from error


def newest_checkpoint(run: RunFolder, key: str) -> Path:
    """The newest readable checkpoint to resume from; says so where a damaged one is passed over.

    The damaged one is set aside under another name: the next save would else keep it as the previous checkpoint,
    in the place of the good one.

    Raises:
        UserError: the folder has no checkpoint that can be read.
    """
    problems = []
    for name in (LAST, PREVIOUS, BEST):
        path = run.checkpoints / name
        if not path.exists():
            continue
        try:
            read_checkpoint(path)
        except UserError as error:
            log.warning("%s; falling back to the one before it", error)
            problems.append(str(error))
            path.replace(path.with_name(f"damaged_{name}"))
            continue
        return path
    reason = "; ".join(problems) or "it stopped before the first one was written"
    raise UserError(f"{key}={run.path}: there is no checkpoint to go on from ({reason}); start the run anew")


def find_checkpoint(path: str) -> Path:
    """The checkpoint that a user means by the folder of a run (its best, else its last) or by the file itself."""
    if Path(path).is_file():
        return Path(path)
    run = existing_run(path, "RUN")
    for name in (BEST, LAST, PREVIOUS):
        if (run.checkpoints / name).is_file():
            return run.checkpoints / name
    raise UserError(f"{path}: the run has no checkpoint yet")
