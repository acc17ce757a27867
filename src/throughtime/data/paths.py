"""The files that a path of the user's stands for: a file, a folder or a glob."""

import glob
import os
from collections.abc import Iterator
from pathlib import Path

from throughtime.errors import UserError


def find_files(path: str, key: str = "data.path", noun: str = "file") -> list[Path]:
    """The files of a path in the order of their names, at least one; hidden ones only where they are named.

    Args:
        path: a file, a folder (all files below it) or a glob.
        key: the setting that an error names.
        noun: what an error asks for.

    Raises:
        UserError: there is no such path, or no file in it.
    """
    if not path:
        raise UserError(f"{key}= is empty; name a {noun}, a folder of {noun}s or a glob")
    place = Path(os.path.expanduser(path))
    if place.is_file():
        return [place]
    if place.is_dir():
        files = [file for file in sorted(_below(place)) if file.is_file()]
    elif glob.has_magic(path):
        files = [file for file in sorted(map(Path, glob.glob(str(place), recursive=True))) if file.is_file()]
    else:
        raise UserError(f"{key}={path} does not exist; name a {noun}, a folder of {noun}s or a glob")
    if not files:
        raise UserError(f"{key}={path} matches no file; name a {noun}, a folder of {noun}s or a glob")
    return files


def _below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent, name) for name in files if not name.startswith("."))
