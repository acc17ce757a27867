"""Toolchain: compile C to a shared library with the system's compiler, cache it on disk and load it."""

import ctypes
import hashlib
import os
import platform
import re
import shutil
import stat
import subprocess
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from throughtime.bounded_cache import BoundedCache, note_use, size_limit
from throughtime.files import cache_folder, make_private

# No -ffast-math: it ignores NaN and infinity, its start-up code changes the floating-point mode of the process, and it
# reorders sums where no `omp simd reduction` asks for it.
FLAGS = (
    "-O3",
    "-march=native",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=fast",
    "-fopenmp",
    "-fPIC",
)
TIMEOUT = 120  # seconds
SIZE = 500 * 10**6  # bytes; a kernel has about 0.1 MB
SUFFIXES = (".so", ".o")
ENTRY = re.compile(r"[0-9a-f]{32}\.s?o")
TEMPORARY = "compiling-"
UNFINISHED = re.compile(rf"{TEMPORARY}\w{{8}}")


class CompilerError(Exception):
    """There is no C compiler, or it fails; the message is half a sentence that says so."""


@cache
def library(source: str, linked: str | None = None) -> ctypes.CDLL:
    """The shared library of a C source: loaded from the cache on disk, or compiled into it.

    A file is written under a temporary name and renamed, so two processes at once both load a whole one. A folder
    or a file that another user owns or may write to is passed over: its code could be anyone's. Above
    `$THROUGHTIME_CACHE_SIZE` bytes, or else `SIZE`, the files that have not been used for longest are removed.

    Args:
        source: the C text.
        linked: the C text of functions that `source` declares and other libraries share: it is compiled once into an
            object file of its own in the cache, which is linked into each of them.

    Raises:
        CompilerError: the source cannot be compiled or loaded.
    """
    command = find_compiler()
    sources = (source,) if linked is None else (source, linked)
    name = _file_name(command, *sources, end=".so")
    limit = size_limit(SIZE)
    for folder in (_cache_folder(), Path(tempfile.gettempdir()) / f"throughtime-{os.getuid()}"):
        path = folder / name
        try:
            make_private(folder)
            if not _is_own(folder.stat()):
                continue
            note_use(path)  # no other process removes it from now on
            if not _is_own_file(path):
                objects = [] if linked is None else [_object_file(command, linked, folder)]
                _compile(command, source, objects, path)
                with suppress(OSError):
                    BoundedCache(folder, SUFFIXES, ENTRY, UNFINISHED, limit).make_room()
        except OSError:
            continue
        return _load(path)
    raise CompilerError("there is no folder to compile in")


def _file_name(command: str, *sources: str, end: str) -> str:
    """The name in the cache of what these sources are compiled to, by their text, compiler, flags and processor."""
    key = "\0".join((*sources, command, *FLAGS, _processor()))
    return f"{hashlib.sha256(key.encode()).hexdigest()[:32]}{end}"


def _is_own(status: os.stat_result) -> bool:
    """Whether a file or folder belongs to this user, and no other may write to it."""
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _is_own_file(path: Path) -> bool:
    """Whether there is a file at this path itself, without a link, that only this user can have written."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(status.st_mode) and _is_own(status)


def _load(path: Path) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise CompilerError(f"the compiled library cannot be loaded ({error})") from error


def _cache_folder() -> Path:
    return cache_folder() / "kernels"


@cache
def find_compiler() -> str:
    """The command of the system's C compiler: $CC, cc, gcc or clang.

    Raises:
        CompilerError: there is none.
    """
    for name in (os.environ.get("CC"), "cc", "gcc", "clang"):
        if name and shutil.which(name):
            return name
    raise CompilerError("there is no C compiler on this machine")


@cache
def _processor() -> str:
    """Model and features of the processor, which -march=native depends on: machines may share a cache."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    except OSError:
        return platform.processor() + platform.machine()
    return "\n".join(
        line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part"))
    )


def _object_file(command: str, source: str, folder: Path) -> Path:
    """The object file of a C source, compiled into the folder unless this user has it there already."""
    path = folder / _file_name(command, source, end=".o")
    note_use(path)
    if not _is_own_file(path):
        with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=folder) as temporary:
            _compile_object(command, source, Path(temporary) / path.name).rename(path)
    return path


def _compile(command: str, source: str, objects: list[Path], path: Path) -> None:
    """Compile a C source and link it with object files into the shared library `path`."""
    with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=path.parent) as folder:
        compiled = _compile_object(command, source, Path(folder) / "kernel.o")
        library_file = Path(folder) / "kernel.so"
        # Without -fopenmp here, OpenMP is the one that torch has loaded: one pool of threads, not two.
        _run([command, "-shared", *map(str, (compiled, *objects)), "-o", str(library_file), "-lm"])
        library_file.chmod(0o700)
        library_file.rename(path)


def _compile_object(command: str, source: str, path: Path) -> Path:
    """Compile a C source, written beside it, into the object file `path`, readable by this user only."""
    text = path.with_suffix(".c")
    text.write_text(source, encoding="utf-8")
    _run([command, *FLAGS, "-c", str(text), "-o", str(path)])
    path.chmod(0o600)
    return path


def _run(arguments: list[str]) -> None:
    try:
        subprocess.run(arguments, check=True, capture_output=True, text=True, timeout=TIMEOUT)
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or ["without a message"]
        first = next((line for line in lines if "error" in line), lines[0])
        raise CompilerError(f"the C compiler fails ({first})") from error
    except subprocess.TimeoutExpired as error:
        raise CompilerError(f"the C compiler takes longer than {TIMEOUT} seconds") from error
