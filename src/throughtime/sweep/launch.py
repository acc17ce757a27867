"""Launch of planned jobs by one of Hydra's launchers."""

import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType

from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from omegaconf import read_write

from throughtime.config.trust import as_override
from throughtime.errors import Interrupted, UserError
from throughtime.signals import leave_closed_terminal, stopping_signals
from throughtime.sweep.job import COMPLETED, INTERRUPTED, Job, Outcome, outcome_of
from throughtime.sweep.journal import Journal
from throughtime.sweep.run_job import STOP, order_stop, record_killed, run_job, start_count
from throughtime.sweep.session import Session


def launch(session: Session, jobs: Sequence[Job], n_jobs: int | None = None) -> list[Outcome]:
    """Run jobs whose job.json is written: completed ones are skipped, interrupted ones resumed, others started again.

    Blocks until all have ended. Parallel launchers (joblib, submitit, ray) run all that are given at once, so a
    sweeper that learns from outcomes gives as many at a time as should run at a time. A line is printed for each
    job as it starts and as it ends.

    Args:
        session: the sweep; its configuration names the launcher.
        jobs: in the order in which they are started.
        n_jobs: how many jobs share the machine's cores at most; by default as many as are given. It stays the
            same when a sweep is resumed with fewer jobs, because sums depend on the number of threads.

    Returns:
        The outcomes in the order of the jobs. With `sweep.fail_fast` those after the first failure are `waiting`.

    Raises:
        UserError: the launcher cannot start a job.
        Interrupted: a signal to stop came, and the running jobs have saved their state. What each came to is in its
            folder (`throughtime.sweep.job.outcome_of`).
    """
    (session.folder / STOP).unlink(missing_ok=True)
    journal = Journal(session.folder)
    open_jobs = [job for job in jobs if outcome_of(job, session.folder).status != COMPLETED]
    parallel = is_parallel(session)
    with _handling_signals(session, journal, parallel) as received:
        if parallel:
            with journal.followed():
                _run_in_parallel(session, open_jobs, n_jobs or len(jobs))
        else:
            _run_serially(session, open_jobs, journal)
    if received:
        raise Interrupted(received[0])
    return [outcome_of(job, session.folder) for job in jobs]


def is_parallel(session: Session) -> bool:
    """Whether the launcher runs jobs in other processes than this one."""
    return not session.config.hydra.launcher._target_.endswith(".BasicLauncher")


@contextmanager
def _handling_signals(session: Session, journal: Journal, parallel: bool) -> Iterator[list[int]]:
    """Record a signal and stop all jobs; at once where they run in this process, or at the second signal."""
    received: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            leave_closed_terminal()
        received.append(number)
        order_stop(session.folder)
        if not parallel or len(received) > 1:
            raise Interrupted(number)
        journal.add("stopping; the running jobs save their state (once more to leave at once)")

    before = {number: signal.signal(number, handle) for number in stopping_signals()}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run_serially(session: Session, jobs: Sequence[Job], journal: Journal) -> None:
    def report(line: str) -> None:
        journal.add(line)
        journal.show()

    for job in jobs:
        run_job(job.folder(session.folder), report, session.fail_fast)
        if _is_stopping(session):
            return


def _run_in_parallel(session: Session, jobs: Sequence[Job], n_jobs: int) -> None:
    """Pass the jobs to the launcher; jobs that it lost are started once more, each alone.

    A process that is killed, as by the kernel where memory runs out, may end the others with it; alone, a job shows
    whether it was the cause.

    Raises:
        UserError: the launcher does not start a single job.
    """
    left = list(jobs)
    while left:
        before = {job.number: _start_count(session, job) for job in left}
        try:
            _call_launcher(session, left, n_jobs)
            return
        except (
            Exception
        ) as error:  # a worker was killed, or a cluster lost a job; their folders have their outcomes
            problem = error
        begun = [job for job in left if _start_count(session, job) > before[job.number]]
        if _is_stopping(session):
            return
        if not begun:
            raise UserError(
                f"the launcher {session.config.hydra.launcher._target_.rpartition('.')[2]} started no job "
                f"({type(problem).__name__}: {problem}); see conf/hydra/launcher/ for its requirements, then: "
                f"python train.py -m resume={session.folder}{as_override()}"
            ) from problem
        for job in begun:
            if outcome_of(job, session.folder).status == INTERRUPTED and not _is_stopping(session):
                _retry(session, job, n_jobs)
        left = [job for job in left if job not in begun]


def _retry(session: Session, job: Job, n_jobs: int) -> None:
    try:
        _call_launcher(session, [job], n_jobs)
    except Exception:
        if not _is_stopping(session):
            record_killed(job.folder(session.folder), "its process was killed twice; is there memory enough?")


def _start_count(session: Session, job: Job) -> int:
    return start_count(job.folder(session.folder))


def _is_stopping(session: Session) -> bool:
    return (session.folder / STOP).exists()


def _call_launcher(session: Session, jobs: Sequence[Job], n_jobs: int) -> None:
    """Let Hydra's launcher run `run_in_worker` once for each job."""
    from throughtime.sweep.worker import run_in_worker

    config = session.config.copy()
    settings = config.hydra.launcher
    if "n_jobs" in settings:
        workers = settings.n_jobs if settings.n_jobs > 0 else max(cores() + 1 + settings.n_jobs, 1)
        with read_write(config.hydra):
            settings.n_jobs = min(workers, n_jobs)
    launcher = Plugins.instance().instantiate_launcher(
        hydra_context=session.context, task_function=run_in_worker, config=config
    )
    fail_fast = f"sweep.fail_fast={str(session.fail_fast).lower()}"
    overrides = [[f"hydra.sweep.subdir={job.number}", fail_fast] for job in jobs]
    with _variable("PYTHONSAFEPATH", "1"):  # no file of the working folder takes a module's place
        if settings._target_.endswith(".LocalLauncher"):
            _launch_locally(launcher, overrides, settings.cpus_per_task or 1)
        else:
            launcher.launch(overrides, initial_job_idx=0)


def _launch_locally(launcher: Launcher, overrides: Sequence[list[str]], threads: int) -> None:
    """Pass each job to submitit's local mode when cores are free; it would start all processes at once."""
    count = max(cores() // threads, 1)
    with _variable("OMP_NUM_THREADS", str(threads)), ThreadPoolExecutor(count) as pool:
        waiting = [pool.submit(launcher.launch, [one], number) for number, one in enumerate(overrides)]
        for one in waiting:
            one.result()


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    """Set a variable of the environment of processes that start inside this block, unless the user has set it."""
    if os.environ.get(name):
        yield
        return
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
