"""Checkpoint files: written atomically, verified before they are read, and loaded without running code."""

import itertools
import logging
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.checkpoint_io import CheckpointIO

from throughtime.callback.checkpoint_files import BEST, LAST, PREVIOUS
from throughtime.errors import Unavailable, UserError
from throughtime.files import atomic_write
from throughtime.run.folder import DATA_PATHS, RunFolder, existing_run

log = logging.getLogger(__name__)


class Damaged(UserError):
    """A checkpoint whose content is not what was written: a checksum fails, or its table of records is incomplete."""


class NoCheckpoint(UserError):
    """A run without an undamaged checkpoint."""


class AtomicCheckpointIO(CheckpointIO):
    """Lightning's interface to checkpoint files: save by rename after a flush, load tensors and plain containers only.

    It removes no checkpoint that an earlier process has saved.

    Args:
        extra: further content of every checkpoint, which makes it self-contained: the configuration and the artifacts.
    """

    def __init__(self, extra: dict[str, Any]) -> None:
        self.extra = extra
        self._saved: set[Path] = set()

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        with atomic_write(Path(path)) as file:
            try:
                torch.save(checkpoint | self.extra, file)
            except RuntimeError as error:  # PyTorch reports a write that failed in this way
                if isinstance(error.__context__, OSError):
                    raise error.__context__ from None
                raise
        self._saved.add(Path(path))

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        return read_checkpoint(Path(path), map_location or "cpu")

    def remove_checkpoint(self, path: Any) -> None:
        if Path(path) in self._saved:
            Path(path).unlink(missing_ok=True)


def self_contained(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with absolute paths of its data, which are found from any working directory."""
    data = {key: _absolute(value) if key in DATA_PATHS else value for key, value in config["data"].items()}
    return {**config, "data": data}


def _absolute(place: Any) -> Any:
    if isinstance(place, list):
        return [_absolute(one) for one in place]
    if isinstance(place, Mapping):
        return {name: _absolute(one) for name, one in place.items()}
    return os.path.abspath(os.path.expanduser(place)) if isinstance(place, str) else place


def read_checkpoint(path: Path, map_location: Any = "cpu") -> dict[str, Any]:
    """A checkpoint's content; every record is checked against its CRC-32 before anything is unpacked.

    Raises:
        Damaged: the file is truncated, or a checksum fails.
        Unavailable: the file cannot be read, or memory is short; it may be whole.
        UserError: the file is missing, or holds more than tensors and plain containers.
    """
    damaged = _damaged_record(path)
    if damaged is not None:
        raise Damaged(f"{path} is damaged (its record {damaged} does not match its checksum)")
    try:
        return torch.load(path, map_location=map_location, weights_only=True)
    except (OSError, MemoryError, RuntimeError) as error:
        raise _unread(path, error) from error
    except Exception as error:  # pickle.UnpicklingError, and any other error that a foreign pickle may raise
        raise UserError(
            f"{path} holds more than tensors and plain containers, so it is not loaded"
        ) from error


def _damaged_record(path: Path) -> str | None:
    if path.exists() and not path.is_file():
        raise Unavailable(f"{path} is not a file; it was left as it is")
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip()
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such checkpoint") from error
    except (OSError, MemoryError) as error:
        raise _unread(path, error) from error
    except (zipfile.BadZipFile, EOFError, RuntimeError, ValueError, struct.error, zlib.error) as error:
        if isinstance(
            error.__context__, OSError
        ):  # zipfile raises so on a read error in the table of records
            raise _unread(path, error.__context__) from error
        raise Damaged(f"{path} is truncated or not a checkpoint ({error})") from error


def _unread(path: Path, error: Exception) -> Unavailable:
    reason = getattr(error, "strerror", None) or (str(error).strip().splitlines() or ["memory is short"])[0]
    return Unavailable(f"{path} cannot be read ({reason}); it was left as it is")


def newest_checkpoint(run: RunFolder, key: str) -> Path:
    """The newest undamaged checkpoint to resume from; a warning names each damaged one that is passed over.

    Damaged ones are renamed once an undamaged one is found; otherwise the next save would replace the good previous
    checkpoint by a damaged one.

    Raises:
        NoCheckpoint: the folder has no checkpoint, or only damaged ones; they stay as they are.
        Unavailable: the newest one cannot be read, or memory is short; nothing is renamed.
    """
    damaged: dict[Path, str] = {}
    for name in (LAST, PREVIOUS, BEST):
        path = run.checkpoints / name
        if not os.path.lexists(path):
            continue
        try:
            read_checkpoint(path)
        except Damaged as error:
            log.warning("%s; falling back to the one before it", error)
            damaged[path] = str(error)
            continue
        for other in damaged:
            other.rename(_unused(other))
        return path
    reason = "; ".join(damaged.values()) or "it stopped before the first one was written"
    raise NoCheckpoint(
        f"{key}={run.path}: there is no checkpoint to go on from ({reason}); start the run anew, as it was before"
    )


def _unused(path: Path) -> Path:
    """An unused name in the folder of a damaged checkpoint."""
    numbers = itertools.chain([""], (f"{number}_" for number in itertools.count(2)))
    names = (path.with_name(f"damaged_{number}{path.name}") for number in numbers)
    return next(name for name in names if not os.path.lexists(name))


def find_checkpoint(path: str) -> Path:
    """The checkpoint at a path: the file itself, or the best (else the last) one in the folder of a run."""
    if Path(path).is_file():
        return Path(path)
    run = existing_run(path, "RUN")
    for name in (BEST, LAST, PREVIOUS):
        if (run.checkpoints / name).is_file():
            return run.checkpoints / name
    raise UserError(f"{path}: the run has no checkpoint yet")
