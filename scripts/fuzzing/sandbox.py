"""Sandbox of a case: a home, a working folder and temporary files of its own, compared before and after."""

import os
import shutil
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

CACHES = ("cache",)
"""Folders of a sandbox that commands may fill: THROUGHTIME_CACHE and XDG_CACHE_HOME."""

Snapshot = dict[str, tuple]
"""The state of each file and folder, by its path relative to the sandbox."""


@dataclass(frozen=True)
class Sandbox:
    """The folders of a case.

    Attributes:
        root: holds all of them; it has the same path for every case, as runs record absolute paths of their data.
    """

    root: Path

    @property
    def work(self) -> Path:
        """The working directory of commands."""
        return self.root / "work"

    @property
    def environment(self) -> dict[str, str]:
        """Variables that lead every library into the sandbox."""
        return {
            "HOME": str(self.root / "home"),
            "TMPDIR": str(self.root / "tmp"),
            "XDG_CACHE_HOME": str(self.root / "cache"),
            "XDG_CONFIG_HOME": str(self.root / "home"),
            "MPLCONFIGDIR": str(self.root / "cache" / "matplotlib"),  # its list of fonts
            "THROUGHTIME_CACHE": str(self.root / "cache" / "throughtime"),
            "TORCHINDUCTOR_CACHE_DIR": str(self.root / "cache" / "torchinductor"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "CUDA_VISIBLE_DEVICES": "",
        }

    def make(self, template: Path, parts: Iterable[str], kernels: Path) -> None:
        """Create the sandbox anew.

        Args:
            template: a folder from which parts are copied to the same place in the sandbox.
            parts: files and folders of it.
            kernels: the folder of compiled kernels, which all cases share, as each takes a second to compile.
        """
        shutil.rmtree(self.root, ignore_errors=True)
        for name in ("home", "tmp", "outside", "work", "cache/throughtime"):
            (self.root / name).mkdir(parents=True)
        (self.root / "cache" / "throughtime" / "kernels").symlink_to(kernels)
        for name in ("home", "outside"):
            (self.root / name / "kept.txt").write_text("A file that no command was told of.\n")
        for part in parts:
            source, target = template / part, self.root / part
            if source.is_dir():
                shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)

    def snapshot(self) -> Snapshot:
        """The present state of everything in the sandbox but its caches."""
        found: Snapshot = {}
        for place, folders, files in os.walk(self.root):
            if place == str(self.root):
                folders[:] = [name for name in folders if name not in CACHES]
            for name in (*folders, *files):
                path = os.path.join(place, name)
                found[os.path.relpath(path, self.root)] = _state(path)
        return found


def _state(path: str) -> tuple:
    """The kind of a file, and for all but folders what changes with each write."""
    status = os.lstat(path)
    if stat.S_ISDIR(status.st_mode):
        return ("folder", stat.S_IMODE(status.st_mode))
    return ("file", status.st_mode, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def changes(before: Snapshot, after: Snapshot, new: Iterable[str], changed: Iterable[str]) -> list[str]:
    """The changes of a sandbox that are not allowed, a line each.

    Args:
        before: the state before the case.
        after: the state after it.
        new: paths relative to the sandbox; below them files may be created.
        changed: paths below which files may also be changed and removed.
    """
    new, changed = (*new, *changed), tuple(changed)
    found = []
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) == after.get(path):
            continue
        if path not in before:
            if not _is_below(path, new):
                found.append(f"created {path}")
        elif not _is_below(path, changed):
            found.append(f"{'changed' if path in after else 'removed'} {path}")
    return found


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)
