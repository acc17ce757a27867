"""One job in the process that trains it: skip it, go on with it or start it anew, and leave a result whatever happens.

What is to be done is told by the job's folder alone, so that a sweep may be killed at any moment and gone on with, and
a cluster may start a job a second time. One process at a time works on a job: the others wait for it.
"""

import errno
import fcntl
import json
import math
import os
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from throughtime.callback.display import clock
from throughtime.errors import Diverged, Unavailable, UserError
from throughtime.files import atomic_write
from throughtime.run.folder import ATTEMPT, RunFolder, write_json
from throughtime.sweep.failure import record_failure
from throughtime.sweep.job import COMPLETED, FAILED, INTERRUPTED, JOB, WAITING, Job, Outcome, outcome_of

LOCK, OUTPUT, STOP = "lock", "output.txt", "stop"
KEPT = (JOB, LOCK, OUTPUT)


def perform(folder: Path, tell: Callable[[str], None], fail_fast: bool = False) -> Outcome:
    """Bring the job of this folder to its end.

    A complete job is left alone. An interrupted one goes on from its checkpoint; so does one that failed because the
    machine withheld what it needs (space on the disk, memory, a file). Any other that failed, or that was stopped
    before its first checkpoint, starts anew, and what it left is moved into `attempt_<n>` in its folder. No
    checkpoint is deleted. Where the sweep is to stop, nothing is done.

    Args:
        folder: the job's; what a run prints goes to output.txt in it, a traceback to error.txt.
        tell: takes a line for the sweep's terminal.
        fail_fast: whether to stop the sweep where the job fails.

    Raises:
        Interrupted, KeyboardInterrupt: a signal came; the state is saved as far as there was one.
    """
    job, sweep = Job.read(folder), folder.parent
    with _alone(folder, partial(tell, f"{_name(job)}  waits: another process runs it")) as begin:
        before = outcome_of(job, sweep)
        if before.status == COMPLETED or (sweep / STOP).exists():
            return before
        goes_on = before.status == INTERRUPTED and _has_checkpoint(folder)
        begin()
        tell(f"{_name(job)}  {'goes on' if goes_on else 'starts'}")
        try:
            _train(job, folder, goes_on)
        except Exception as error:
            _record_failure(job, folder, error)
        except BaseException:
            tell(f"{_name(job)}  interrupted")
            raise
        outcome = outcome_of(job, sweep)
    tell(f"{_name(job)}  {_in_words(outcome)}")
    if fail_fast and outcome.error is not None:
        (sweep / STOP).touch()
    return outcome


def give_up(folder: Path, told: str) -> None:
    """Record the failure of a job whose process was killed, unless it is running after all, or has ended."""
    job = Job.read(folder)
    with suppress(BlockingIOError), _alone(folder):
        if outcome_of(job, folder.parent).status == INTERRUPTED:
            record_failure(job, folder, told)


def times_begun(folder: Path) -> int:
    """How often a process has begun this job."""
    lock = folder / LOCK
    return lock.read_text().count("\n") if lock.exists() else 0


@contextmanager
def _alone(folder: Path, waits: Callable[[], None] | None = None) -> Iterator[Callable[[], None]]:
    """Hold the job's lock, which the kernel takes back from a process however it ends; yields what notes a beginning.

    Raises:
        BlockingIOError: another process holds it, and `waits` was not given to tell that we wait for it.
    """
    with (folder / LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waits is None:
                raise
            waits()
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in (errno.ENOTSUP, errno.ENOLCK, errno.ENOSYS):  # a file system without locks
                raise
        yield partial(print, f"process {os.getpid()} on {os.uname().nodename}", file=file, flush=True)


def _train(job: Job, folder: Path, goes_on: bool) -> None:
    from throughtime.cli.job import quiet
    from throughtime.run.checkpoint import NoCheckpoint  # only now: this imports torch
    from throughtime.run.fit import Run, fit

    quiet()
    with (folder / OUTPUT).open("a") as output:
        say = partial(print, file=output, flush=True)
        run = partial(Run, folder=RunFolder(folder), choices=job.choices, say=say)
        results = None
        if goes_on:
            with suppress(NoCheckpoint), _withheld_by_the_machine(folder):  # all are damaged
                results = fit(run({**job.config, "resume": str(folder)}, overrides=[]))
        if results is None:
            _set_aside(folder)
            beside = tuple(path.name for path in folder.iterdir())
            with _withheld_by_the_machine(folder):
                results = fit(run(job.config, overrides=job.overrides, beside=beside))
    measured = results.metrics.get(results.monitor)
    if results.best is None and measured is not None and not math.isfinite(measured):
        results.status = FAILED
        RunFolder(folder).error.write_text(f"{results.monitor} was never finite\n")
        results.write(RunFolder(folder))


def _has_checkpoint(folder: Path) -> bool:
    return any((folder / "checkpoints").glob("*.ckpt"))


def _set_aside(folder: Path) -> None:
    """Move what an earlier attempt left out of the way, so that nothing of it is mixed with the next."""
    earlier = (
        path
        for path in folder.iterdir()
        if path.name not in KEPT and not re.fullmatch(rf"{ATTEMPT}\d+", path.name)
    )
    RunFolder(folder).set_aside(earlier)


@contextmanager
def _withheld_by_the_machine(folder: Path) -> Iterator[None]:
    """Let results.json say `interrupted` where a run in this block lacks space, memory or a file it has to read.

    The job goes on from its checkpoint then; without one it has failed.
    """
    try:
        yield
    except (OSError, MemoryError, Unavailable):
        run = RunFolder(folder)
        with suppress(OSError, ValueError):  # nothing is written yet, or the disk is full
            results = json.loads(run.results.read_text(encoding="utf-8"))
            if results["status"] == FAILED and _has_checkpoint(folder):
                write_json(run.results, results | {"status": INTERRUPTED})
        raise


def _record_failure(job: Job, folder: Path, error: Exception) -> None:
    """Leave a run folder that says `failed`, also of a run that never came so far as to have one.

    A job that can go on from its checkpoint stays `interrupted`, and error.txt tells the reason.
    """
    status = outcome_of(job, folder.parent).status
    is_mistake = isinstance(error, UserError) and not isinstance(error, Diverged)
    told = str(error) if is_mistake else "".join(traceback.format_exception(error))
    with suppress(OSError):  # a full disk: the terminal tells, and a resumption tries again
        if status == INTERRUPTED and _has_checkpoint(folder):
            with atomic_write(RunFolder(folder).error) as file:
                file.write(f"{told.rstrip()}\n".encode())
        elif status == INTERRUPTED or not RunFolder(folder).config.exists():
            record_failure(job, folder, told)


def _name(job: Job) -> str:
    return f"{job.number}  {job.label or ' '.join(job.overrides)}".rstrip()


def _in_words(outcome: Outcome) -> str:
    """How a job ended, for its line."""
    if outcome.status == FAILED or outcome.error is not None:
        return f"{outcome.status}: {outcome.error}"
    if outcome.status == WAITING:
        return "failed, and its folder cannot be written"
    if math.isnan(outcome.value):
        return outcome.status
    return f"{outcome.monitor} {outcome.value:.4f}  {clock(outcome.seconds)}"
