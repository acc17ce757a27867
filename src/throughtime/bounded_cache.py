"""Bounded size of a cache folder: the entries that have not been used for longest are removed.

Caches of kernels, of encoded text and of arrays share this. An entry is one file with a name that only this project
gives (a hash and a suffix); nothing else is ever removed. The time of an entry's last change is that of its last use.
Several processes may use a folder at once: an entry that any of them has used within `GRACE` seconds stays, and a file
that is open or mapped remains readable when its name is gone.
"""

import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from throughtime.errors import UserError

SIZE_VARIABLE = "THROUGHTIME_CACHE_SIZE"
"""The variable of the environment with the most bytes of the kernels, and of the encoded text."""

GRACE = 600
"""Seconds after its last use for which an entry stays: a process may be about to open it."""
ABANDONED = 24 * 3600
"""Seconds after which a file that is not finished is one of a process that was killed."""


@dataclass(frozen=True)
class BoundedCache:
    """A cache folder whose least recently used entries are removed.

    Attributes:
        folder: of the entries; it need not exist.
        suffixes: of the entries' files.
        entry: matches the whole name of an entry.
        unfinished: matches the whole name of a temporary file or folder in which an entry is made.
        size: the most bytes of all files with these suffixes.
    """

    folder: Path
    suffixes: tuple[str, ...]
    entry: re.Pattern[str]
    unfinished: re.Pattern[str]
    size: int

    def make_room(self, needed: int = 0, used_since: float = float("inf")) -> int:
        """Remove the least recently used entries until `needed` more bytes fit.

        Args:
            needed: bytes that are about to be written.
            used_since: entries used since then stay too, in seconds since the epoch: those of this process.

        Returns:
            the bytes that are free: below `needed` where too much has been used lately, and below 0 where the folder
            is above its size.

        Raises:
            OSError: the folder cannot be read.
        """
        now = time.time()
        taken, removable = 0, []
        for file, status in self._own_files():
            if self.unfinished.fullmatch(file.name):
                if now - status.st_mtime > ABANDONED:
                    _remove(file, status)
            elif file.name.endswith(self.suffixes):
                taken += status.st_size
                if self.entry.fullmatch(file.name) and stat.S_ISREG(status.st_mode):
                    removable.append((status.st_mtime, status.st_size, file))
        for used, size, file in sorted(removable, key=lambda each: each[0]):
            if taken + needed <= self.size or used > min(now - GRACE, used_since):
                break
            taken -= size * _remove(file)
        return self.size - taken

    def _own_files(self) -> Iterator[tuple[Path, os.stat_result]]:
        """The files and folders of this user in the folder, links not followed."""
        for found in os.scandir(self.folder):
            with suppress(FileNotFoundError):  # another process has removed or renamed it
                status = found.stat(follow_symlinks=False)
                if status.st_uid == os.getuid():
                    yield Path(found.path), status


def note_use(path: Path) -> None:
    """Make an entry the most recently used one; where that is not permitted, it stays as it is."""
    with suppress(OSError):
        os.utime(path, follow_symlinks=False)


def size_limit(default: int) -> int:
    """The most bytes of a cache: `$THROUGHTIME_CACHE_SIZE`, or else the default.

    Raises:
        UserError: the variable is not a whole number.
    """
    text = os.environ.get(SIZE_VARIABLE)
    if not text:
        return default
    if not text.isdecimal():
        raise UserError(f"{SIZE_VARIABLE}={text} is no number of bytes; give a whole one, such as {default}")
    return int(text)


def _remove(file: Path, status: os.stat_result | None = None) -> bool:
    """Remove a file, or the folder of one that is not finished; returns whether it is gone."""
    if status is not None and stat.S_ISDIR(status.st_mode):
        shutil.rmtree(file, ignore_errors=True)
        return not file.exists()
    try:
        file.unlink(missing_ok=True)
    except OSError:
        return False
    return True
