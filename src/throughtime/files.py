"""Atomic writing of files."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
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
