"""The folder of one run: what lies where, claimed by one run and never shared by two.

This module imports nothing heavy, so that the command line can look into a run folder within its first second.
"""

import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from throughtime.errors import UserError


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Write a file whole or not at all: a temporary file in the same folder, flushed to disk, then renamed."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_json(path: Path, content: Any) -> None:
    """Write plain containers as JSON, by rename."""
    with replacing(path) as file:
        file.write((json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n").encode())


def token() -> str:
    """Four random hexadecimal digits, so that two runs started in the same second have folders of their own."""
    return secrets.token_hex(2)


@dataclass(frozen=True)
class RunFolder:
    """The names of the files of a run."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.yaml"

    @property
    def overrides(self) -> Path:
        return self.path / "overrides.yaml"

    @property
    def environment(self) -> Path:
        return self.path / "environment.json"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def results(self) -> Path:
        return self.path / "results.json"

    @property
    def error(self) -> Path:
        return self.path / "error.txt"

    def error_of(self, rank: int) -> Path:
        """Where another rank than 0 tells why it failed."""
        return self.path / f"error_rank_{rank}.txt"

    def errors(self) -> list[Path]:
        """What earlier failures have left."""
        return [path for path in (self.error, *self.path.glob("error_rank_*.txt")) if path.exists()]

    def claim(self) -> None:
        """Make the folder this run's own. Exactly one process can claim a folder.

        Raises:
            UserError: the folder holds a run already, or cannot be written.
        """
        try:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
            with self.config.open("x"):
                pass
        except FileExistsError as error:
            raise UserError(
                f"{self.path} already holds a run; go on with resume={self.path} or give another hydra.run.dir"
            ) from error
        except OSError as error:
            raise UserError(f"hydra.run.dir={self.path} cannot be written: {error.strerror}") from error

    def discard(self) -> None:
        """Remove what a run wrote that never took a step; whatever else lies in the folder stays."""
        events = self.path.glob("events.out.tfevents.*")
        for path in (self.config, self.overrides, self.environment, self.results, *self.errors(), *events):
            path.unlink(missing_ok=True)
        self.remove_if_empty()

    def remove_if_empty(self) -> None:
        """Leave no folder behind that holds nothing."""
        for path in (self.checkpoints, self.path):
            with suppress(OSError):  # it holds something, or was never made
                path.rmdir()


def existing_run(path: str, key: str) -> RunFolder:
    """The run folder at `path`, which the user named under `key`.

    Raises:
        UserError: there is no such folder, or it does not hold a run.
    """
    folder = RunFolder(Path(path))
    if not folder.path.is_dir():
        raise UserError(
            f"{key}={path}: there is no such folder; name the folder of a run, such as runs/textgen/<date_time>-<hex>"
        )
    if not folder.config.is_file() or folder.config.stat().st_size == 0:
        raise UserError(f"{key}={path}: the folder holds no config.yaml, so it is not the folder of a run")
    return folder
