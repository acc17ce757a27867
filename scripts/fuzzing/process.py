"""Forked processes with limits: a child runs one case in a sandbox, and the parent sees how it ended.

The parent has imported the libraries, so that a child is a command as a user runs it, without the seconds of imports.
"""

import faulthandler
import importlib
import os
import pkgutil
import resource
import runpy
import select
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIBRARIES = (
    "alembic.command",
    "hydra._internal.instantiate._instantiate2",
    "lightning.pytorch",
    "matplotlib.figure",
    "networkx",
    "onnxscript",
    "optuna.storages",
    "pmdarima",
    "pyarrow.pandas_compat",
    "pyarrow.parquet",
    "scipy.stats",
    "sqlalchemy.orm",
    "tensorboard.backend.event_processing.event_accumulator",
    "tokenizers.implementations",
    "torch._inductor.compiler_bisector",
    "torch.fx.experimental.validator",
    "torch.utils.tensorboard",
    "torchmetrics",
)
"""Libraries that the parent imports; one that is not installed is passed over."""

CREATES = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate"}
CREATES |= {"os.chmod", "os.chown", "os.utime", "os.mkfifo", "shutil.rmtree"}
"""Audit events of Python that change files; their first two arguments may be paths."""

PASSED_OVER = ("/dev/null", "/dev/tty", "/dev/shm/", "/proc/self/")
"""Places that hold no file of a user's."""


@dataclass(frozen=True)
class Limits:
    """Limits of a case.

    Attributes:
        seconds: after which the child is killed: of processor time, or of wall-clock time in which it hardly used
            the processor. On a machine that many processes share, a child that is still at work has five times as long.
        memory: bytes of resident memory that count as a failure.
        address_space: bytes beyond those of the parent, at which allocations fail.
        file_size: bytes of a file, at which writes fail.
    """

    seconds: float = 60.0
    memory: int = 3 << 30
    address_space: int = 8 << 30
    file_size: int = 1 << 30


@dataclass(frozen=True)
class Outcome:
    """An ended child.

    Attributes:
        code: its exit code; negative for the signal that ended it.
        timed_out: whether it was killed because its time was over.
        left_running: whether it left processes of its own.
        seconds: wall-clock time.
        memory: its peak of resident memory in bytes.
        stdout, stderr: the texts that it wrote.
        written: paths outside the sandbox that it changed, as Python's audit events tell.
    """

    code: int
    timed_out: bool
    left_running: bool
    seconds: float
    memory: int
    stdout: str
    stderr: str
    written: tuple[str, ...] = ()


def import_libraries() -> None:
    """Import what commands import, once for all children: the libraries, and all modules of throughtime."""
    import throughtime

    own = (module.name for module in pkgutil.walk_packages(throughtime.__path__, "throughtime."))
    for name in (*LIBRARIES, *own):
        with suppress(ImportError):
            importlib.import_module(name)
    from hydra.core.plugins import Plugins

    Plugins.instance()  # it looks for plugins once


def check_single_thread() -> None:
    """Raise `RuntimeError` where this process has further threads: a child would wait for their locks for ever."""
    count = len(os.listdir("/proc/self/task"))
    if count > 1:
        raise RuntimeError(f"the process has {count} threads, and must have one to be forked")


def run_script(script: Path, words: list[str]) -> None:
    """Run a script of the checkout in this process, as `python SCRIPT WORDS` does."""
    sys.argv = [str(script), *words]
    sys.path.insert(0, str(script.parent))
    runpy.run_path(str(script), run_name="__main__")


def run_child(
    action: Callable[[], None],
    records: Path,
    folder: Path,
    environment: Mapping[str, str],
    writable: tuple[str, ...],
    limits: Limits,
) -> Outcome:
    """Fork, perform an action in the child, and wait for its end.

    Args:
        action: an exception that leaves it is printed, and the exit code is then 1.
        records: the folder for the child's output.
        folder: its working directory.
        environment: further variables of its environment.
        writable: folders that it may write to; changes elsewhere are reported.
        limits: of time and memory.
    """
    names = {name: records / name for name in ("stdout", "stderr", "written")}
    for path in names.values():
        path.write_bytes(b"")
    sys.stdout.flush()
    sys.stderr.flush()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        _perform(action, names, folder, environment, writable, limits)
    timed_out = not _has_ended(child, limits.seconds)
    if timed_out:
        os.kill(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    seconds = time.monotonic() - started
    left_running = True
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        left_running = False
    texts = {name: path.read_text(encoding="utf-8", errors="replace") for name, path in names.items()}
    return Outcome(
        code=os.waitstatus_to_exitcode(status),
        timed_out=timed_out,
        left_running=left_running and not timed_out,
        seconds=seconds,
        memory=usage.ru_maxrss << 10,
        stdout=texts["stdout"],
        stderr=texts["stderr"],
        written=tuple(dict.fromkeys(texts["written"].splitlines())),
    )


WORKING = 0.02
"""The least share of a processor by which a child counts as at work."""

PATIENCE = 5
"""How many times its limit of seconds a child at work may take on a machine that many processes share."""


def _has_ended(child: int, seconds: float) -> bool:
    """Wait for the end of a child, which may take so many seconds; returns whether it has ended."""
    descriptor = os.pidfd_open(child)
    started = time.monotonic()
    try:
        while not select.select([descriptor], [], [], min(1.0, seconds))[0]:
            waited, used = time.monotonic() - started, _processor_seconds(child)
            at_work = used > WORKING * waited and waited < PATIENCE * seconds
            if used > seconds or (waited > seconds and not at_work):
                return False
        return True
    finally:
        os.close(descriptor)


def _processor_seconds(child: int) -> float:
    """Processor time of a child and of those of its children that have ended."""
    fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _perform(
    action: Callable[[], None],
    names: Mapping[str, Path],
    folder: Path,
    environment: Mapping[str, str],
    writable: tuple[str, ...],
    limits: Limits,
) -> None:
    """Become the child; never returns."""
    code = 1
    try:
        os.setsid()
        log = os.open(names["written"], os.O_WRONLY | os.O_APPEND)
        for path, descriptor in ((os.devnull, 0), (names["stdout"], 1), (names["stderr"], 2)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND if descriptor else os.O_RDONLY), descriptor)
        os.chdir(folder)
        os.environ.update(environment)
        tempfile.tempdir = None  # the parent's, which does not know the new TMPDIR
        for kind, value in (
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_FSIZE, limits.file_size),
            (resource.RLIMIT_AS, _address_space() + limits.address_space),
        ):
            resource.setrlimit(kind, (value, resource.getrlimit(kind)[1]))
        faulthandler.enable(open(2, "w", closefd=False))  # noqa: SIM115
        _watch_writes(log, writable)
        action()
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code & 0xFF)


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _watch_writes(log: int, writable: tuple[str, ...]) -> None:
    """Report each change of a file outside `writable` to a file descriptor, a path a line."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in CREATES:
            return
        if event == "open" and not _writes(arguments):
            return
        for path in arguments[:2] if event in ("os.rename", "os.link", "os.symlink") else arguments[:1]:
            if not isinstance(path, str | bytes):
                continue
            place = os.path.abspath(os.fsdecode(path))
            if not place.startswith((*writable, *PASSED_OVER)):
                os.write(log, f"{event} {place!r}\n".encode(errors="replace"))

    sys.addaudithook(hook)


def _writes(arguments: tuple[Any, ...]) -> bool:
    flags = arguments[2] if len(arguments) > 2 and isinstance(arguments[2], int) else 0
    return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND))
