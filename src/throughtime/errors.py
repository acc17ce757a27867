"""Errors that a user can cause, and the checks that raise them.

A `UserError` is one plain sentence: what is wrong, where, and what would be right. The command line prints it
without a traceback and exits with code 2 (`throughtime.cli.command_line`).
"""

from collections.abc import Collection


class UserError(Exception):
    """An error that the user can correct."""


class Diverged(UserError):
    """Training that diverged: its losses or gradients were repeatedly not finite. The weights are finite."""


class Unavailable(UserError):
    """A resource that a run needs is unavailable (disk space, memory, a file); another attempt may succeed."""


def check_positive(**values: int | float) -> None:
    """Raise `UserError` for the first named value that is not above zero."""
    for name, value in values.items():
        if not value > 0:
            raise UserError(f"{name} must be above 0, not {value}")


def check_fraction(**values: int | float) -> None:
    """Raise `UserError` for the first named value that is not in [0, 1)."""
    for name, value in values.items():
        if not 0 <= value < 1:
            raise UserError(f"{name} must be at least 0 and below 1, not {value}")


def check_choice(choices: Collection[str], **values: str) -> None:
    """Raise `UserError` for the first named value that is none of `choices`."""
    for name, value in values.items():
        if value not in choices:
            raise UserError(f"{name}={value} is not known; choose one of: {', '.join(sorted(choices))}")


def check_seed(seed: object) -> int:
    """The seed, if it is one; raise `UserError` if not."""
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**32:
        raise UserError(f"seed={seed} is not a whole number from 0 to {2**32 - 1}")
    return seed


def first_line(error: BaseException) -> str:
    """The first line of an error's message; the name of its class where it has none."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def printable(text: str) -> str:
    """A text without characters that control a terminal or the direction of writing: each is shown as its code."""
    return "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in text)


class Interrupted(BaseException):
    """A run was stopped by a signal and has saved its checkpoint.

    Attributes:
        signal_number: SIGINT, SIGTERM or SIGHUP; the process exits with 128 plus it.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"stopped by signal {signal_number}")
        self.signal_number = signal_number
