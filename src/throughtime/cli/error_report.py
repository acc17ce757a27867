"""Report of an exception at the end of a command, the same for every entry point.

An error that the user can correct is one sentence on the standard error, and the exit code is 2; an interruption has
the code of its signal. Everything else is a fault of throughtime: its traceback is printed, with a request to report
it, and the exit code is 1. Nothing here imports torch.
"""

import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from throughtime.config.config_errors import explain, in_one_sentence
from throughtime.config.trust import is_trusted
from throughtime.errors import Interrupted, UserError, first_line, printable

CODE_OF_USER_ERROR, CODE_OF_FAULT = 2, 1

EXTRAS = {
    "wandb": "loggers",
    "mlflow": "loggers",
    "onnx": "onnx",
    "onnxscript": "onnx",
    "onnxruntime": "onnx",
    "submitit": "cluster",
    "ray": "cluster",
}
"""The extra of this package that brings an optional package."""

CONFIGURATION_PACKAGES = ("hydra", "omegaconf", "antlr4", "yaml")
"""Packages that read what the user typed; an error that they raise is about it."""

ALLOCATION_ERRORS = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "Storage size calculation overflowed",
)
"""Parts of the messages by which PyTorch says that memory is short; its error on the CPU is a plain RuntimeError."""


def end_command(error: BaseException, typed: Sequence[str], configurations: Path | None = None) -> NoReturn:
    """Report an exception and leave with its exit code.

    Args:
        error: what ended the command.
        typed: the arguments of the command, for the nearest valid key; with `debug=trace` among them the traceback of
            every error is printed.
        configurations: the folder conf/, for the nearest valid key; None for a script, which takes none of its keys.
    """
    if isinstance(error, SystemExit):
        raise error
    if isinstance(error, Interrupted):
        sys.exit(128 + error.signal_number)
    if isinstance(error, KeyboardInterrupt):
        sys.exit(128 + signal.SIGINT)
    if isinstance(error, BrokenPipeError):  # the reader of the output has closed it
        _leave_quietly()
    sentence = user_sentence(error, typed, configurations)
    is_own_code = sentence is None and _is_trusted_code(error)
    if sentence is None or "debug=trace" in [argument.lstrip("+") for argument in typed]:
        traceback.print_exception(error)
    if sentence is not None:
        _leave(sentence, CODE_OF_USER_ERROR)
    if is_own_code:
        _leave(f"{_described(error)}; this comes from a package that trust= names", CODE_OF_USER_ERROR)
    _leave(
        f"{_described(error)}; this is a fault of throughtime: please report it with the traceback",
        CODE_OF_FAULT,
    )


def user_sentence(
    error: BaseException, typed: Sequence[str] = (), configurations: Path | None = None
) -> str | None:
    """The sentence for an error that the user can correct; None for a fault of throughtime."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, HydraException | OmegaConfBaseException):
        return (
            in_one_sentence(error) if configurations is None else explain(error, list(typed), configurations)
        )
    if isinstance(error, OSError):
        return in_one_sentence(error)
    if isinstance(error, ModuleNotFoundError):
        return _missing_package(error)
    if isinstance(error, MemoryError) or _is_allocation_error(error):
        return (
            f"memory is short ({first_line(error)}); make the model or its batches smaller "
            "(cell.hidden_size, model.layers.depth, data.batch_size, data.chunk_length)"
        )
    if isinstance(error, RecursionError) and not _packages(error).isdisjoint(CONFIGURATION_PACKAGES):
        return "a value of the configuration is nested too deeply; give one with fewer brackets"
    if isinstance(error, UnicodeError):
        return f"text could not be encoded or decoded ({error})"
    if type(error).__name__ == "MisconfigurationException":  # Lightning's, whose import takes seconds
        return first_line(error)
    if _innermost_package(error) in CONFIGURATION_PACKAGES and isinstance(error, Exception):
        return first_line(error) if configurations is None else explain(error, list(typed), configurations)
    return None


def write_what_can_be_written() -> None:
    """Let the terminal's streams escape the characters that their encoding lacks, instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(
            stream, "reconfigure"
        ):  # a stream that a test or a notebook has put there may have no encoding
            stream.reconfigure(errors="backslashreplace")


def _leave(sentence: str, code: int) -> NoReturn:
    """Print one line without control characters, which could come from a file or a name of one, and exit."""
    print(f"error: {printable(' '.join(sentence.split()))}", file=sys.stderr)
    sys.exit(code)


def _leave_quietly() -> NoReturn:
    """Exit as SIGPIPE would; the standard output leads nowhere, so that Python does not flush it in vain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(128 + signal.SIGPIPE)


def _missing_package(error: ModuleNotFoundError) -> str | None:
    """The command that installs a missing package; None for a module of this package, which should be there."""
    package = (error.name or "").partition(".")[0]
    if not package:  # Lightning names none
        return f"a package is not installed ({first_line(error)})"
    if package == "throughtime":
        return None
    install = (
        f"pip install 'throughtime[{EXTRAS[package]}]'" if package in EXTRAS else f"pip install {package}"
    )
    return f"the package {package} is not installed; {install} installs it"


def _is_allocation_error(error: BaseException) -> bool:
    return isinstance(error, RuntimeError) and any(part in str(error) for part in ALLOCATION_ERRORS)


def _frames(error: BaseException) -> Iterator[FrameType]:
    """The frames of a traceback, the outermost first."""
    yield from (frame for frame, _ in traceback.walk_tb(error.__traceback__))


def _module_names(error: BaseException) -> list[str]:
    """The names of the modules of a traceback, the outermost first."""
    return [str(frame.f_globals.get("__name__", "")) for frame in _frames(error)]


def _packages(error: BaseException) -> set[str]:
    return {name.partition(".")[0] for name in _module_names(error)}


def _innermost_package(error: BaseException) -> str:
    names = _module_names(error)
    return names[-1].partition(".")[0] if names else ""


def _is_trusted_code(error: BaseException) -> bool:
    """Whether the error was raised in a package of the user's own, or in what that package called."""
    names = _module_names(error)
    own = [place for place, name in enumerate(names) if is_trusted(f"{name}.")]
    ours = [place for place, name in enumerate(names) if name.partition(".")[0] == "throughtime"]
    return bool(own) and own[-1] > max(ours, default=-1)


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {first_line(error)}"
