"""Writing of files: whole or not at all, through no symbolic link, with the permissions that the umask leaves."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

PERMISSIONS = 0o666
"""Of a new file, before the umask."""

UNFINISHED = "????????"
"""The pattern of the random letters at the end of a temporary file's name, `.<name>.<letters>`."""


def no_follow(path: str, flags: int) -> int:
    """Open a file (`open(..., opener=no_follow)`), but not one that a symbolic link leads to, and wait for no pipe.

    Raises:
        OSError: the path is a symbolic link, or a pipe that is to be written.
    """
    try:
        return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, PERMISSIONS)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(
                errno.ELOOP, "it is a symbolic link, and nothing is written through one", path
            ) from error
        raise


def read_start(path: Path, count: int) -> bytes:
    """The first bytes of a plain file; nothing waits for the other end of a pipe.

    Args:
        path: the file, or a link to it.
        count: the most bytes to read.

    Raises:
        OSError: the file cannot be read, or is a pipe, a socket or a device.
    """
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is a pipe or a device, and no file", str(path))
        return file.read(count)


def make_subfolder(path: Path) -> None:
    """Make a folder in a run's folder, unless it is there.

    Raises:
        OSError: a symbolic link or a file has its place.
    """
    with suppress(FileExistsError):
        path.mkdir()
    if not stat.S_ISDIR(path.lstat().st_mode):
        raise OSError(errno.ELOOP, "it is a symbolic link, and nothing is written through one", str(path))


def cache_folder() -> Path:
    """The folder of all caches: `$THROUGHTIME_CACHE`, or else `~/.cache/throughtime`."""
    return Path(os.environ.get("THROUGHTIME_CACHE") or "~/.cache/throughtime").expanduser()


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are missing, with mode 0700."""
    if not folder.is_dir():
        if folder.parent != folder:
            make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def new_file(path: Path) -> tuple[Path, BinaryIO]:
    """Create a temporary file beside `path`, in the same folder: its name, and the open file."""
    while True:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        with suppress(FileExistsError):
            return temporary, open(temporary, "xb", opener=no_follow)


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Write a file whole or not at all: a temporary file in the same folder, flushed to disk, then renamed.

    A symbolic link at `path` is replaced, and what it leads to stays as it is.
    """
    temporary, opened = new_file(path)
    try:
        with opened as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, in UTF-8."""
    with atomic_write(path) as file:
        file.write(text.encode())


@contextmanager
def output_file(path: Path) -> Iterator[BinaryIO]:
    """Write a file that the user named atomically; a device or a pipe is written to directly."""
    target = path.resolve()
    if target.exists() and not target.is_file():
        with target.open("wb") as file:
            yield file
        return
    try:
        with atomic_write(target) as file:
            yield file
    except OSError as error:
        if error.filename is not None and Path(error.filename).parent == target.parent:
            error.filename = str(path)  # in the place of the temporary file's name
        raise
