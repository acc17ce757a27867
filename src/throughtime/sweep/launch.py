"""From planned jobs to their outcomes, by whichever of Hydra's launchers was chosen."""

from collections.abc import Sequence

from throughtime.sweep.job import Job, Outcome, outcome_of
from throughtime.sweep.session import Session


def launch(session: Session, jobs: Sequence[Job]) -> list[Outcome]:
    """Run jobs whose job.json is written: complete ones are skipped, interrupted ones resumed, others run anew.

    Blocks until all have ended. Parallel launchers (joblib, submitit, ray) run all that are given at once, so a
    sweeper that learns from outcomes gives as many at a time as should run at a time. A line is printed for each
    job as it starts and as it ends.

    Args:
        session: the sweep; its configuration names the launcher.
        jobs: in the order in which they are started.

    Returns:
        The outcomes in the order of the jobs. With `sweep.fail_fast` those after the first failure are `waiting`.

    Raises:
        Interrupted: SIGINT or SIGTERM came, and the running jobs have saved their state. What each came to is in
            its folder (`throughtime.sweep.job.outcome_of`).
    """
    raise NotImplementedError
