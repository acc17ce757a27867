"""One case of the fuzz, and the faults in how it ended."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fuzzing.process import Limits, Outcome

DOCUMENTED = frozenset({0, 2})
"""Exit codes of a command that succeeded, and of one that a user's mistake ended."""

TRACEBACK = "Traceback (most recent call last)"


@dataclass(frozen=True)
class Case:
    """A case: files, and a command or a check that runs with them.

    Attributes:
        kind: of the fuzz.
        title: one line that says what is tried.
        action: what the child process does; its exception is a fault.
        parts: of the template, copied into the sandbox.
        prepare: changes the sandbox beforehand.
        new: paths relative to the sandbox below which files may be created.
        changed: paths below which they may also be changed and removed.
        codes: exit codes that are right.
        traceback: whether one was asked for.
    """

    kind: str
    title: str
    action: Callable[[], None]
    parts: tuple[str, ...] = ()
    prepare: Callable[[Path], None] | None = None
    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    codes: frozenset[int] = DOCUMENTED
    traceback: bool = False


def shown(script: str, words: Sequence[str]) -> str:
    """A command as a user types it, cut to a line."""
    text = f"python {script} {shlex.join(words)}"
    return text if len(text) <= 600 else f"{text[:600]} … ({len(text)} characters)"


def faults(case: Case, outcome: Outcome, changed: Sequence[str], limits: Limits) -> list[str]:
    """The faults in how a case ended, a line each; empty where all is as documented.

    Args:
        case: what was tried.
        outcome: of its process.
        changed: changes of the sandbox that are not allowed.
        limits: of the process.
    """
    found = []
    if outcome.timed_out:
        found.append(f"hang: not over after {limits.seconds:.0f} s")
    elif outcome.code < 0:
        found.append(f"crash: ended by signal {-outcome.code}")
    elif outcome.code not in case.codes:
        found.append(f"exit code {outcome.code}")
    if TRACEBACK in outcome.stdout + outcome.stderr and not case.traceback:
        found.append("traceback")
    is_told = any(line.startswith(("error: ", "usage: ")) for line in outcome.stderr.splitlines())
    if outcome.code == 2 and not is_told:
        found.append("exit code 2 without a sentence")
    found += [f"write outside the run's folder: {line}" for line in (*changed, *outcome.written)]
    if outcome.memory > limits.memory:
        found.append(f"memory: {outcome.memory / 2**30:.1f} GiB")
    if outcome.left_running:
        found.append("left processes that still ran")
    return found
