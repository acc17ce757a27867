"""Execution of one job in the process that trains it: skip, resume or start it, and record its outcome in any case.

The job's folder alone determines what is done, so that a sweep may be killed at any moment and resumed, and a cluster
may start a job twice. One process at a time works on a job; others wait for its lock.
"""

import errno
import fcntl
import math
import os
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from omegaconf import OmegaConf

from throughtime.callback.display import duration
from throughtime.config.registry import locate
from throughtime.errors import Diverged, Unavailable, UserError
from throughtime.files import no_follow, write_text
from throughtime.run.folder import ATTEMPT, RunFolder, check_no_links, with_data_found, write_json
from throughtime.run.recorded_files import read_results
from throughtime.run.results import Results
from throughtime.sweep.job import (
    COMPLETED,
    FAILED,
    INTERRUPTED,
    JOB,
    WAITING,
    Job,
    Outcome,
    outcome_of,
    started_in,
)

LOCK, OUTPUT, STOP = "lock", "output.txt", "stop"
KEPT = (JOB, LOCK, OUTPUT)


def run_job(folder: Path, report: Callable[[str], None], fail_fast: bool = False) -> Outcome:
    """Run the job of this folder to its end.

    A completed job is skipped. An interrupted one resumes from its checkpoint; so does one that failed because a
    resource was unavailable (disk space, memory, a file). Any other that failed, or that was stopped before its first
    checkpoint, starts again, and its files are moved into `attempt_<n>` in its folder. No checkpoint is deleted. Where
    the sweep is stopping, nothing is done.

    Args:
        folder: the job's; the output of its run goes to output.txt in it, a traceback to error.txt.
        report: takes a line for the sweep's terminal.
        fail_fast: whether to stop the sweep where the job fails.

    Raises:
        Interrupted, KeyboardInterrupt: a signal came; the state is saved as far as there was one.
    """
    job, sweep = Job.read(folder), folder.parent
    if folder.is_symlink():
        raise UserError(f"{folder} is a symbolic link; a job is written to a folder of its own")
    check_no_links(folder)
    with _locked(folder, partial(report, f"{_name(job)}  waits: another process runs it")) as record_start:
        before = outcome_of(job, sweep)
        if before.status == COMPLETED or (sweep / STOP).exists():
            return before
        resumes = before.status == INTERRUPTED and _has_checkpoint(folder)
        record_start()
        report(f"{_name(job)}  {'goes on' if resumes else 'starts'}")
        try:
            _train(job, folder, resumes)
        except Exception as error:
            _record_failure(job, folder, error)
        except BaseException:
            report(f"{_name(job)}  interrupted")
            raise
        outcome = outcome_of(job, sweep)
    report(f"{_name(job)}  {_outcome_text(outcome)}")
    if fail_fast and outcome.error is not None:
        order_stop(sweep)
    return outcome


def order_stop(sweep: Path) -> None:
    """Write the file that lets all jobs of a sweep stop."""
    open(sweep / STOP, "ab", opener=no_follow).close()


def record_failure(job: Job, folder: Path, message: str) -> None:
    """Write config.yaml, overrides.yaml, results.json and error.txt of a job that failed outside its training.

    Earlier results of the job (the best value, its steps) stay in results.json; checkpoints are not touched.

    Args:
        message: the content of error.txt: one sentence, or a traceback.
    """
    run = RunFolder(folder)
    choices = {group: option for group, option in job.choices.items() if option and "hydra" not in group}
    task, monitor, mode = _task(job)
    results = Results(task, job.config["seed"], job.overrides, monitor, mode, choices, status=FAILED)
    results.continue_from(run)
    for path, content in ((run.config, job.config), (run.overrides, job.overrides)):
        write_text(path, OmegaConf.to_yaml(OmegaConf.create(content)))
    write_text(run.error, f"{message.rstrip()}\n")
    results.write(run)


def _task(job: Job) -> tuple[str, str, str]:
    """The task's name, monitored metric and mode, as far as they are known without building it."""
    config = job.config.get("task") or {}
    try:
        task = locate(config["_target_"], "task").factory
    except (UserError, KeyError):
        return job.choices.get("task") or "", "", "min"
    return task.name, config.get("monitor") or task.monitor, task.mode


def record_killed(folder: Path, message: str) -> None:
    """Record the failure of a job whose process was killed, unless it is running after all, or has ended."""
    job = Job.read(folder)
    with suppress(BlockingIOError), _locked(folder):
        if outcome_of(job, folder.parent).status == INTERRUPTED:
            record_failure(job, folder, message)


def start_count(folder: Path) -> int:
    """The number of times that a process has started this job."""
    lock = folder / LOCK
    return lock.read_text().count("\n") if lock.exists() else 0


@contextmanager
def _locked(folder: Path, waits: Callable[[], None] | None = None) -> Iterator[Callable[[], None]]:
    """Hold the job's lock, which the kernel releases however the process ends; yields a function that records a start.

    Raises:
        BlockingIOError: another process holds it, and `waits`, which reports that this one waits, was not given.
    """
    with open(folder / LOCK, "a", opener=no_follow) as file:
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


def _train(job: Job, folder: Path, resumes: bool) -> None:
    from throughtime.run.checkpoint import NoCheckpoint  # only now: this imports torch
    from throughtime.run.fit import Run, fit_run
    from throughtime.run.log_filters import filter_logs

    filter_logs()
    config = with_data_found(job.config, started_in(folder.parent))
    with open(folder / OUTPUT, "a", opener=no_follow) as output:
        log = partial(print, file=output, flush=True)
        run = partial(Run, folder=RunFolder(folder), choices=job.choices, log=log)
        results = None
        if resumes:
            with suppress(NoCheckpoint), _interrupted_by_the_machine(folder):  # all checkpoints are damaged
                results = fit_run(run({**config, "resume": str(folder)}, overrides=[]))
        if results is None:
            _set_aside(folder)
            existing = tuple(path.name for path in folder.iterdir())
            with _interrupted_by_the_machine(folder):
                results = fit_run(run(config, overrides=job.overrides, existing=existing))
    results.fail_where_never_finite(RunFolder(folder))


def _has_checkpoint(folder: Path) -> bool:
    return any((folder / "checkpoints").glob("*.ckpt"))


def _set_aside(folder: Path) -> None:
    """Move the files of an earlier attempt aside, so that they do not mix with those of the next."""
    earlier = (
        path
        for path in folder.iterdir()
        if path.name not in KEPT and not re.fullmatch(rf"{ATTEMPT}\d+", path.name)
    )
    RunFolder(folder).set_aside(earlier)


@contextmanager
def _interrupted_by_the_machine(folder: Path) -> Iterator[None]:
    """Set the status to `interrupted` where a run in this block lacks space, memory or a file that it reads.

    The job then resumes from its checkpoint; without one it has failed.
    """
    try:
        yield
    except (OSError, MemoryError, Unavailable):
        run = RunFolder(folder)
        with suppress(OSError, UserError):  # nothing is written yet, or the disk is full
            results = read_results(run.results)
            if results["status"] == FAILED and _has_checkpoint(folder):
                write_json(run.results, results | {"status": INTERRUPTED})
        raise


def _record_failure(job: Job, folder: Path, error: Exception) -> None:
    """Record the failure in the job's folder, also of a run that failed before it had claimed one.

    A job that can resume from its checkpoint stays `interrupted`, and error.txt has the reason.
    """
    status = outcome_of(job, folder.parent).status
    is_user_error = isinstance(error, UserError) and not isinstance(error, Diverged)
    message = str(error) if is_user_error else "".join(traceback.format_exception(error))
    with suppress(OSError):  # a full disk: the terminal reports it, and resuming tries again
        if status == INTERRUPTED and _has_checkpoint(folder):
            write_text(RunFolder(folder).error, f"{message.rstrip()}\n")
        elif status == INTERRUPTED or not RunFolder(folder).config.exists():
            record_failure(job, folder, message)


def _name(job: Job) -> str:
    return f"{job.number}  {job.label or ' '.join(job.overrides)}".rstrip()


def _outcome_text(outcome: Outcome) -> str:
    """The outcome of a job, for its line in the journal."""
    if outcome.status == FAILED or outcome.error is not None:
        return f"{outcome.status}: {outcome.error}"
    if outcome.status == WAITING:
        return "failed, and its folder cannot be written"
    if math.isnan(outcome.value):
        return outcome.status
    return f"{outcome.monitor} {outcome.value:.4f}  {duration(outcome.seconds)}"
