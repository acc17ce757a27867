"""The folder of one run: the names of its files, and its exclusive claim by one run.

This module imports nothing heavy, so that the command line can read a run folder within its first second.
"""

import errno
import fcntl
import glob
import json
import logging
import os
import re
import secrets
import shutil
import socket
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from throughtime.errors import UserError
from throughtime.files import no_follow, write_text
from throughtime.run.recorded_files import read_object

log = logging.getLogger(__name__)


def write_json(path: Path, content: Any) -> None:
    """Write plain containers as JSON, by rename."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n")


class Created:
    """Record of the files and folders that one process creates, so that it removes these and no others.

    A path that exists when it is recorded was created by someone else, and is never removed.
    """

    def __init__(self) -> None:
        self._files: list[Path] = []
        self._folders: list[Path] = []
        self._whole: list[Path] = []

    def make_folder(self, path: Path) -> None:
        """Create a folder with its parents, and record those that were missing."""
        try:
            self._make(path)
        except FileNotFoundError:
            if path.parent == path:
                raise
            self.make_folder(path.parent)
            self._make(path)

    def _make(self, path: Path) -> None:
        try:
            path.mkdir()
            self._folders.append(path)
        except OSError:
            if not path.is_dir():
                raise

    def expect(self, *paths: Path) -> None:
        """Record files that this process is about to create."""
        self._files += [path for path in paths if not os.path.lexists(path)]

    def expect_folders(self, *paths: Path) -> None:
        """Record folders that this process is about to create and fill, to be removed with all that they hold."""
        self._whole += [path for path in paths if not os.path.lexists(path)]

    def remember(self, path: Path) -> None:
        """Record a file that this process has just created, with a check that it did not exist."""
        self._files.append(path)

    def remove(self, *others: Path) -> None:
        """Remove the recorded files one by one, the folders that were expected, then the created ones that are empty.

        Args:
            others: further files that are known to be this process's own.
        """
        for path in (*self._files, *others):
            with suppress(OSError):  # it was never created
                path.unlink()
        for path in self._whole:
            shutil.rmtree(path, ignore_errors=True)  # a link is not followed
        for path in reversed(self._folders):
            with suppress(OSError):  # it holds something else
                path.rmdir()


def token() -> str:
    """Four random hexadecimal digits, so that two runs started in the same second have folders of their own."""
    return secrets.token_hex(2)


DATA_PATHS = ("path", "train_path", "val_path", "test_path", "vectors")
"""Keys of `data` whose value is a path."""


def with_data_found(config: dict[str, Any], start: object) -> dict[str, Any]:
    """A configuration whose relative paths of data, typed in the folder `start`, are found from the working folder.

    They become absolute where the working folder is another one and the data still lie there.
    """
    if not isinstance(start, str) or os.path.realpath(start) == os.getcwd():
        return config
    return with_data_in(config, start, only_found=True)


def with_data_in(config: dict[str, Any], start: str, only_found: bool = False) -> dict[str, Any]:
    """A configuration whose relative paths of data are those in the folder `start`.

    Args:
        config: in plain containers.
        start: the folder in which they were typed.
        only_found: whether a path where nothing lies stays as it is.
    """
    data = config.get("data")
    if not isinstance(data, Mapping):
        return config
    places = {key: _place_of_data(data[key], start, only_found) for key in DATA_PATHS if key in data}
    return {**config, "data": {**data, **places}}


def _place_of_data(typed: Any, start: str, only_found: bool) -> Any:
    """One path, or each of a list or of a mapping, in the folder where it was typed."""
    if isinstance(typed, list):
        return [_place_of_data(one, start, only_found) for one in typed]
    if isinstance(typed, Mapping):
        return {name: _place_of_data(one, start, only_found) for name, one in typed.items()}
    if not isinstance(typed, str) or typed.startswith("~") or os.path.isabs(typed):
        return typed
    place = os.path.join(start, typed)
    found = os.path.exists(place) or (glob.has_magic(place) and bool(glob.glob(place)))
    return place if found or not only_found else typed


ATTEMPT = "attempt_"

LOGGER_FILES = ("metrics.csv", "mlflow.db")
"""Files of loggers with fixed names."""

LOGGER_FOLDERS = ("wandb", "mlflow")
"""Folders that loggers fill with files of names that they choose."""

WANDB_LINK = "*/wandb/*run-*/logs/debug-core.log"
"""The link that W&B makes in the folder of each of its sessions."""


@dataclass(frozen=True)
class RunFolder:
    """The paths of the files of a run."""

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
        """The file in which a rank other than 0 reports its failure."""
        return self.path / f"error_rank_{rank}.txt"

    def errors(self) -> list[Path]:
        """The error files of earlier failures."""
        return [path for path in (self.error, *self.path.glob("error_rank_*.txt")) if path.exists()]

    def claim(self, existing: Collection[str] = (), lock: ExitStack | None = None) -> Created:
        """Claim an empty or missing folder for this run; of several processes exactly one succeeds.

        Where an earlier run was stopped in this folder before its first checkpoint, so that no other command can use
        what it left, its files are moved aside.

        Args:
            existing: names of files that may lie in the folder: those of a sweep or of Hydra.
            lock: takes the folder's lock, which is held from before the claim; None to release it after the claim.

        Returns:
            the files and folders that the run creates, for `discard`.

        Raises:
            UserError: the folder holds a run already, or anything else, or cannot be written.
        """
        created = Created()
        try:
            created.make_folder(self.path)
        except OSError as error:
            created.remove()
            raise UserError(f"hydra.run.dir={self.path} cannot be written: {error.strerror}") from error
        with ExitStack() as own:
            is_locked = (own if lock is None else lock).enter_context(self.locked())
            if is_locked and self._is_abandoned(existing):
                attempt = self.set_aside(
                    path for path in self.path.iterdir() if not _is_kept(path.name, existing)
                )
                log.warning(
                    "%s: the run here was stopped before its first checkpoint; it is in %s",
                    self.path,
                    attempt,
                )
            self._create_files(created, existing)
        return created

    def _create_files(self, created: Created, existing: Collection[str]) -> None:
        """Check that the folder is empty, and create the first files of a run in it."""
        try:
            self._check_empty(existing)
            with open(self.config, "x", opener=no_follow):
                created.remember(self.config)
            created.expect(self.overrides, self.environment, self.results, self.error)
            created.expect(*(self.path / name for name in LOGGER_FILES))
            created.expect_folders(*(self.path / name for name in LOGGER_FOLDERS))
            created.make_folder(self.checkpoints)  # last: only one process can make it
        except FileExistsError as error:
            created.remove()
            if not self.path.is_dir():
                raise UserError(f"hydra.run.dir={self.path} cannot be written: {error.strerror}") from error
            raise self._holds_a_run() from error
        except OSError as error:
            created.remove()
            raise UserError(f"hydra.run.dir={self.path} cannot be written: {error.strerror}") from error

    def _is_abandoned(self, existing: Collection[str]) -> bool:
        """Whether a run lies here that no process trains any more, and that has left nothing to go on from."""
        if not self.config.is_file() or not self.checkpoints.is_dir():
            return False
        if any(not path.name.startswith(".") for path in self.checkpoints.iterdir()):
            return False
        try:
            return read_object(self.results).get("status") in ("running", "interrupted", "failed")
        except UserError:  # stopped before it was written: then nothing but the claim is here
            left = {name for name in os.listdir(self.path) if not _is_kept(name, existing)}
            return left == {self.config.name, self.checkpoints.name} and self.config.stat().st_size == 0

    def _check_empty(self, existing: Collection[str]) -> None:
        if os.path.lexists(self.config):
            raise self._holds_a_run()
        others = sorted(name for name in os.listdir(self.path) if not _is_kept(name, existing))
        if others:
            raise UserError(
                f"hydra.run.dir={self.path} is not empty (it holds {others[0]}); a new run needs a folder that is "
                "empty or not there yet"
            )

    def _holds_a_run(self) -> UserError:
        return UserError(
            f"{self.path} already holds a run; go on with resume={self.path} or give another hydra.run.dir"
        )

    def discard(self, created: Created) -> None:
        """Remove the files of a run that never took a step; all other files in the folder stay.

        Args:
            created: from `claim`.
        """
        own = f"events.out.tfevents.*.{glob.escape(socket.gethostname())}.{os.getpid()}.*"  # TensorBoard's naming
        created.remove(*self.path.glob(own), *self.path.glob("error_rank_*.txt"))

    @contextmanager
    def locked(self) -> Iterator[bool]:
        """Hold the lock of the folder, which the kernel releases however the process ends.

        The lock is on the folder itself, so that no further file lies in it. False is yielded where the file system has
        no locks.

        Raises:
            UserError: another process holds it.
        """
        descriptor, is_locked = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY), True
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UserError(
                    f"{self.path}: another process trains this run now; wait until it has ended, or stop it"
                ) from error
            except OSError as error:
                if error.errno not in (errno.ENOTSUP, errno.ENOLCK, errno.ENOSYS, errno.EBADF):
                    raise  # these are of a file system without locks
                is_locked = False
            yield is_locked
        finally:
            os.close(descriptor)

    def set_aside(self, paths: Iterable[Path]) -> Path | None:
        """Move files of an earlier attempt into a new folder `attempt_<n>` of the run's; none is overwritten.

        Returns:
            the new folder; None where there are no files.
        """
        paths, number = list(paths), 1
        if not paths:
            return None
        while True:
            attempt = self.path / f"{ATTEMPT}{number}"
            try:
                attempt.mkdir()
                break
            except FileExistsError:
                number += 1
        for path in paths:
            path.rename(attempt / path.name)
        return attempt


def _is_kept(name: str, existing: Collection[str]) -> bool:
    """Whether a file may lie in the folder of a new run."""
    return name in existing or re.fullmatch(rf"{ATTEMPT}\d+", name) is not None


def check_no_links(folder: Path) -> None:
    """Raise `UserError` for a link out of a folder that is about to be written to, or a pipe or device below it.

    A folder from elsewhere could lead a write to any file of the user's. The folder itself may be a link: it is the
    one that the user named. W&B makes links within its folder, and one to the log of its process (`WANDB_LINK`),
    through which it never writes.
    """
    own = os.path.join(os.path.realpath(folder), "")
    for place, folders, files in os.walk(folder):
        for path in (os.path.join(place, name) for name in (*folders, *files)):
            mode = os.lstat(path).st_mode
            if not stat.S_ISLNK(mode) and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                raise UserError(f"{path} is a pipe or a device, which no run has made; remove it")
            if not stat.S_ISLNK(mode) or fnmatch(path, WANDB_LINK):
                continue
            if not os.path.realpath(path).startswith(own):
                raise UserError(
                    f"{path} is a symbolic link; nothing is written through the links of a folder, so put what it "
                    "points to in its place, or remove it"
                )


def existing_run(path: str, key: str) -> RunFolder:
    """The run folder at `path`, which the user named under `key`.

    Raises:
        UserError: there is no such folder, or it does not hold a run.
    """
    folder = RunFolder(Path(path))
    if not folder.path.is_dir():
        raise UserError(
            f"{key}={path}: there is no such folder; name the folder of a run, such as runs/<task>/<date_time>-<hex>"
        )
    if not folder.config.is_file() or folder.config.stat().st_size == 0:
        raise UserError(f"{key}={path}: the folder holds no config.yaml, so it is not the folder of a run")
    return folder
