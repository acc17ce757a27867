"""Search by Optuna up to a total number of trials, resumable after any interruption."""

import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.types import HydraContext
from omegaconf import DictConfig
from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from throughtime.callback.pruning import STUDY_FILE
from throughtime.errors import Interrupted, UserError
from throughtime.report.columns import short_names
from throughtime.report.numbers import format_number
from throughtime.search.plan import Plan, plan_search
from throughtime.search.plots import draw_search
from throughtime.search.report import search_report
from throughtime.search.study import create_study, open_study
from throughtime.search.trials import next_trials, overrides, report_outcome
from throughtime.sweep.job import FAILED, INTERRUPTED, JOB, WAITING, Job, Outcome, outcome_of
from throughtime.sweep.launch import launch
from throughtime.sweep.session import RECORD, Session, begin
from throughtime.sweep.summarise import resume_command, summarise

SECONDS = "seconds"  # the study's attribute with the time that was spent on it
IDENTICAL_ERRORS = 3  # the number of trials that fail by the same error before the search stops


def search(
    context: HydraContext, config: DictConfig, params: Mapping[str, Any], arguments: Sequence[str]
) -> None:
    """Run a search to its total number of trials, or resume one that was stopped.

    Args:
        params: keys and ranges in Hydra's syntax, as conf/sweep/ gives them.
        arguments: the user's overrides, which take precedence over `params`.

    Raises:
        UserError: an error in the space or the settings, or one by which all trials fail.
        Interrupted: a signal came; the running trials have saved their state.
        SystemExit: with 1, where a trial failed or was not finished.
    """
    session = begin(context, config)
    budget = seconds_of(session.config.sweep.timeout)
    if session.record is None:
        found = plan_search(session, [*(f"{key}={value}" for key, value in params.items()), *arguments])
        session.claim()
        if session.created is not None:
            session.created.expect(session.folder / STUDY_FILE)
        create_study(session.folder, [one.direction for one in found.objectives])
        session.write(search=found.record())
    else:
        found = recorded_plan(session.record, session.folder)
    study = open_study(session.folder, found.build_sampler())
    total = found.total(session.config.sweep.trials)
    finished = len(study.get_trials(deepcopy=False)) - len(_running(study))
    print(
        f"search: {total} trials{f', {finished} finished' if finished else ''}, {session.folder}", flush=True
    )
    try:
        _run_trials(session, found, study, total, budget)
    except Interrupted:
        print(resume_command(session.folder), flush=True)
        raise
    _finish(session, found, study, total)


def recorded_plan(record: Mapping[str, Any], folder: Path) -> Plan:
    """The plan in sweep.json.

    Raises:
        UserError: it is damaged.
    """
    try:
        return Plan.from_record(record["search"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{folder / RECORD} is damaged: it holds no plan of a search; start it anew"
        ) from error


def _run_trials(session: Session, found: Plan, study: Study, total: int, budget: float | None) -> None:
    """Run batches of trials to the total, the end of the time, or the first failure under `sweep.fail_fast`."""
    while True:
        spent = study.user_attrs.get(SECONDS, 0.0)
        if budget is not None and spent >= budget:
            print(f"sweep.timeout: {spent:.0f} s were spent on this search", flush=True)
            return
        trials = next_trials(study, found.space, found.n_jobs, total)
        if not trials:
            return
        began = time.monotonic()
        outcomes = _outcomes(session, found, trials)
        for outcome in outcomes:
            report_outcome(study, outcome, found.objectives)
        study.set_user_attr(SECONDS, spent + time.monotonic() - began)
        if any(one.status in (WAITING, INTERRUPTED) for one in outcomes):
            return
        if session.fail_fast and any(one.status == FAILED for one in outcomes):
            return
        if _all_fail_alike(session, study):
            return


def _outcomes(session: Session, found: Plan, trials: Sequence[FrozenTrial]) -> list[Outcome]:
    """Run these trials and return their outcomes; one that had ended before the search was stopped is not run again."""
    jobs = [_job(session, found, trial) for trial in trials]
    before = {job.number: outcome_of(job, session.folder) for job in jobs}
    failed = [one for one in before.values() if one.status == FAILED]
    rest = [job for job in jobs if before[job.number].status != FAILED]
    return [*failed, *launch(session, rest, found.n_jobs)] if rest else failed


def _job(session: Session, found: Plan, trial: FrozenTrial) -> Job:
    """The job of a trial: as it was planned when the trial began, or planned now."""
    folder = session.folder / str(trial.number)
    if (folder / JOB).exists():
        return Job.read(folder)
    names = short_names(list(found.space))
    label = " ".join(f"{names[key]}={format_number(trial.params[key])}" for key in found.space)
    job = session.compose(trial.number, [*found.arguments, *overrides(trial, found.space)], label)
    session.add(job)
    return job


def _all_fail_alike(session: Session, study: Study) -> bool:
    """Whether the first trials have all failed by the same error before their first step."""
    trials = study.get_trials(deepcopy=False)
    if len(trials) > IDENTICAL_ERRORS or any(trial.state != TrialState.FAIL for trial in trials):
        return False
    outcomes = [outcome_of(Job.read(session.folder / str(trial.number)), session.folder) for trial in trials]
    same = all(one.user_error and one.error == outcomes[0].error for one in outcomes)
    return same and len(trials) >= IDENTICAL_ERRORS


def _finish(session: Session, found: Plan, study: Study, total: int) -> None:
    """Print the tables of jobs and of the search, draw its figures, and exit with 1 where a trial failed."""
    code = summarise(session.folder, session.created)
    objectives = [replace(one, name=one.name or _monitor(session)) for one in found.objectives]
    draw_search(study, found.space, objectives, session.folder)
    print(f"\n{search_report(study, found.space, objectives, total, found.arguments)}", end="", flush=True)
    failed = study.get_trials(deepcopy=False, states=(TrialState.FAIL,))
    if code or failed:
        sys.exit(1)


def _monitor(session: Session) -> str | None:
    """The name of the metric that the trials monitor."""
    named = (outcome_of(job, session.folder).monitor for job in session.jobs())
    return next((name for name in named if name), None)


def _running(study: Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))


def seconds_of(timeout: Any) -> float | None:
    """Parse a time `DD:HH:MM:SS`, the form of trainer.max_time, into seconds; None for none.

    Raises:
        UserError: it has another form.
    """
    if timeout is None:
        return None
    found = re.fullmatch(r"(\d+):(\d+):(\d+):(\d+)", str(timeout))
    if found is None:
        raise UserError(f"sweep.timeout={timeout} is not of the form DD:HH:MM:SS, such as 00:01:30:00")
    days, hours, minutes, seconds = map(int, found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60.0 + seconds
