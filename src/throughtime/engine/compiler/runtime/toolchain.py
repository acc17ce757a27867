"""C to a loaded library, by the system's compiler and a cache of what it made."""

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

# Neither -ffast-math, which forgets NaN and infinity (and whose start-up code changes the whole process), nor
# any reordering of sums but where a loop asks for it.
FLAGS = (
    "-O3",
    "-march=native",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=fast",
    "-fopenmp",
    "-fPIC",
)
SECONDS = 120


class CompilerError(Exception):
    """No compiler, or one that fails; the message is half a sentence that says so."""


@cache
def library(source: str) -> ctypes.CDLL:
    """The library of a C source, compiled unless this machine has done so before.

    It is made under a temporary name and renamed, so two processes at once both load a whole one.

    Raises:
        CompilerError: it cannot be compiled or loaded.
    """
    command = compiler()
    key = "\0".join((source, command, *FLAGS, _processor()))
    name = f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.so"
    for folder in (_cache(), Path(tempfile.gettempdir()) / f"throughtime-{os.getuid()}"):
        path = folder / name
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if folder.stat().st_uid != os.getuid():
                continue
            if not path.exists():
                _compile(command, source, path)
        except OSError:
            continue
        return _load(path)
    raise CompilerError("there is no folder to compile in")


def _load(path: Path) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise CompilerError(f"what the C compiler made cannot be loaded ({error})") from error


def _cache() -> Path:
    return Path(os.environ.get("THROUGHTIME_CACHE") or "~/.cache/throughtime").expanduser() / "kernels"


@cache
def compiler() -> str:
    """The system's C compiler.

    Raises:
        CompilerError: there is none.
    """
    for name in (os.environ.get("CC"), "cc", "gcc", "clang"):
        if name and shutil.which(name):
            return name
    raise CompilerError("there is no C compiler on this machine")


@cache
def _processor() -> str:
    """What -march=native depends on: a cache may be shared by machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    except OSError:
        return platform.processor() + platform.machine()
    return "\n".join(
        line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part"))
    )


def _compile(command: str, source: str, path: Path) -> None:
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        text, compiled, linked = (Path(folder) / f"kernel.{end}" for end in ("c", "o", "so"))
        text.write_text(source, encoding="utf-8")
        _run([command, *FLAGS, "-c", str(text), "-o", str(compiled)])
        # Without -fopenmp here, OpenMP is the one that torch has loaded: one pool of threads, not two.
        _run([command, "-shared", str(compiled), "-o", str(linked), "-lm"])
        linked.rename(path)


def _run(arguments: list[str]) -> None:
    try:
        subprocess.run(arguments, check=True, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or ["without a word"]
        first = next((line for line in lines if "error" in line), lines[0])
        raise CompilerError(f"the C compiler fails ({first})") from error
    except subprocess.TimeoutExpired as error:
        raise CompilerError(f"the C compiler takes longer than {SECONDS} seconds") from error
