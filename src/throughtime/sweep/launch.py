"""From planned jobs to their outcomes, by whichever of Hydra's launchers was chosen."""

import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType

from hydra.core.plugins import Plugins
from omegaconf import read_write

from throughtime.errors import Interrupted, UserError
from throughtime.sweep.job import COMPLETED, INTERRUPTED, Job, Outcome, outcome_of
from throughtime.sweep.journal import Journal
from throughtime.sweep.run_job import STOP, give_up, perform, times_begun
from throughtime.sweep.session import Session


def launch(session: Session, jobs: Sequence[Job], together: int | None = None) -> list[Outcome]:
    """Run jobs whose job.json is written: complete ones are skipped, interrupted ones resumed, others run anew.

    Blocks until all have ended. Parallel launchers (joblib, submitit, ray) run all that are given at once, so a
    sweeper that learns from outcomes gives as many at a time as should run at a time. A line is printed for each
    job as it starts and as it ends.

    Args:
        session: the sweep; its configuration names the launcher.
        jobs: in the order in which they are started.
        together: how many jobs share the machine's cores at most; by default as many as are given. It stays the
            same when a sweep is resumed with fewer jobs, for numbers depend on how many threads add them up.

    Returns:
        The outcomes in the order of the jobs. With `sweep.fail_fast` those after the first failure are `waiting`.

    Raises:
        UserError: the launcher cannot begin a job.
        Interrupted: SIGINT or SIGTERM came, and the running jobs have saved their state. What each came to is in
            its folder (`throughtime.sweep.job.outcome_of`).
    """
    (session.folder / STOP).unlink(missing_ok=True)
    journal = Journal(session.folder)
    open_jobs = [job for job in jobs if outcome_of(job, session.folder).status != COMPLETED]
    parallel = is_parallel(session)
    with _answering_signals(session, journal, parallel) as received:
        if parallel:
            with journal.followed():
                _run_in_parallel(session, open_jobs, together or len(jobs))
        else:
            _run_here(session, open_jobs, journal)
    if received:
        raise Interrupted(received[0])
    return [outcome_of(job, session.folder) for job in jobs]


def is_parallel(session: Session) -> bool:
    """Whether the launcher runs jobs in other processes than this."""
    return not session.config.hydra.launcher._target_.endswith(".BasicLauncher")


@contextmanager
def _answering_signals(session: Session, journal: Journal, parallel: bool) -> Iterator[list[int]]:
    """Note the first SIGINT or SIGTERM and stop all jobs; at once where they run in this process, or at a second."""
    received: list[int] = []

    def answer(number: int, frame: FrameType | None) -> None:
        received.append(number)
        (session.folder / STOP).touch()
        if not parallel or len(received) > 1:
            raise Interrupted(number)
        journal.add("stopping; the running jobs save their state (once more to leave at once)")

    before = {number: signal.signal(number, answer) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run_here(session: Session, jobs: Sequence[Job], journal: Journal) -> None:
    def tell(line: str) -> None:
        journal.add(line)
        journal.show()

    for job in jobs:
        perform(job.folder(session.folder), tell, session.fail_fast)
        if _stops(session):
            return


def _run_in_parallel(session: Session, jobs: Sequence[Job], together: int) -> None:
    """Hand the jobs to the launcher; those that it lost are begun once more, each by itself.

    One process that is killed, as by the kernel where memory runs out, may take the others with it; by itself a job
    shows whether it was the one.

    Raises:
        UserError: the launcher does not begin a single job.
    """
    left = list(jobs)
    while left:
        before = {job.number: _times_begun(session, job) for job in left}
        try:
            _hand_over(session, left, together)
            return
        except (
            Exception
        ) as error:  # a worker was killed, or a cluster lost a job; what they did is in their folders
            problem = error
        begun = [job for job in left if _times_begun(session, job) > before[job.number]]
        if _stops(session):
            return
        if not begun:
            raise UserError(
                f"the launcher {session.config.hydra.launcher._target_.rpartition('.')[2]} began no job "
                f"({type(problem).__name__}: {problem}); what it needs is told in conf/hydra/launcher/, and then: "
                f"python train.py -m resume={session.folder}"
            ) from problem
        for job in begun:
            if outcome_of(job, session.folder).status == INTERRUPTED and not _stops(session):
                _try_again(session, job, together)
        left = [job for job in left if job not in begun]


def _try_again(session: Session, job: Job, together: int) -> None:
    try:
        _hand_over(session, [job], together)
    except Exception:
        if not _stops(session):
            give_up(job.folder(session.folder), "its process was killed twice; is there memory enough?")


def _times_begun(session: Session, job: Job) -> int:
    return times_begun(job.folder(session.folder))


def _stops(session: Session) -> bool:
    return (session.folder / STOP).exists()


def _hand_over(session: Session, jobs: Sequence[Job], together: int) -> None:
    """Let Hydra's launcher run `carried` once for each job."""
    from throughtime.sweep.worker import carried

    config = session.config.copy()
    settings = config.hydra.launcher
    if "n_jobs" in settings:
        workers = settings.n_jobs if settings.n_jobs > 0 else max(cores() + 1 + settings.n_jobs, 1)
        with read_write(config.hydra):
            settings.n_jobs = min(workers, together)
    launcher = Plugins.instance().instantiate_launcher(
        hydra_context=session.context, task_function=carried, config=config
    )
    fail_fast = f"sweep.fail_fast={str(session.fail_fast).lower()}"
    overrides = [[f"hydra.sweep.subdir={job.number}", fail_fast] for job in jobs]
    if not settings._target_.endswith(".LocalLauncher"):
        launcher.launch(overrides, initial_job_idx=0)
        return
    # submitit's local mode would start all processes at once; so each is given to it when a share is free.
    threads = settings.cpus_per_task or 1
    with _threads(threads), ThreadPoolExecutor(max(cores() // threads, 1)) as pool:
        waiting = [pool.submit(launcher.launch, [one], number) for number, one in enumerate(overrides)]
        for one in waiting:
            one.result()


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Let processes that are started within this block use so many threads, where the user has not said how many."""
    name = "OMP_NUM_THREADS"
    if name in os.environ:
        yield
        return
    os.environ[name] = str(count)
    try:
        yield
    finally:
        del os.environ[name]
