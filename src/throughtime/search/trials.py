"""Trials of a search: unfinished ones of an earlier process first, then new ones up to the total.

A trial has the number of its job. Its outcome is reported once, by the process that created it or by the one that
resumes
the search, and until then the trial is running: none is lost, and none is counted twice.
"""

import math
from collections.abc import Sequence

import optuna
from optuna import Study
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from throughtime.callback.pruning import PRUNED_AT
from throughtime.search.objectives import Objective, objective_values
from throughtime.search.space import Space
from throughtime.search.syntax import as_text
from throughtime.sweep.job import COMPLETED, FAILED, Outcome

ERROR = "error"  # the attribute of a failed trial with its reason


def next_trials(study: Study, space: Space, n_jobs: int, total: int) -> list[FrozenTrial]:
    """The trials to run now: all that are running, and as many new ones as fill their batch.

    New trials are drawn a batch at a time, at the same numbers whether or not the search was stopped in between, so
    that a sampler which learns has seen the same trials.

    Args:
        study: the search.
        space: the distribution of each key.
        n_jobs: the size of a batch.
        total: the number of trials in the whole search, whatever their outcomes.
    """
    begun = len(study.get_trials(deepcopy=False))
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    batch_is_full = bool(running) and begun % n_jobs == 0
    end = begun if batch_is_full else min((begun // n_jobs + 1) * n_jobs, total)
    trials = [optuna.Trial(study, trial._trial_id) for trial in running]
    for trial in trials:
        _draw(trial, space)
    for _ in range(begun, end):
        trial = study.ask()
        _draw(trial, space)
        trials.append(trial)
    numbers = {trial.number for trial in trials}
    return [trial for trial in study.get_trials(deepcopy=False) if trial.number in numbers]


def _draw(trial: optuna.Trial, space: Space) -> None:
    """Draw the values that are not drawn yet; a process may have been killed between two keys."""
    for key, one in space.items():
        if isinstance(one, CategoricalDistribution):
            trial.suggest_categorical(key, one.choices)
        elif isinstance(one, IntDistribution):
            trial.suggest_int(key, one.low, one.high, step=one.step, log=one.log)
        else:
            trial.suggest_float(key, one.low, one.high, step=one.step, log=one.log)


def overrides(trial: FrozenTrial, space: Space) -> list[str]:
    """The overrides of a trial, in the order of the space."""
    return [f"{key}={as_text(trial.params[key])}" for key in space]


def report_outcome(study: Study, outcome: Outcome, objectives: Sequence[Objective]) -> None:
    """Record the outcome of a trial in the study; one that has not ended, or was recorded before, stays unchanged.

    Raises:
        UserError: the run did not measure an objective.
    """
    trial = study.get_trials(deepcopy=False)[outcome.number]
    if trial.state.is_finished():
        return
    if outcome.status == COMPLETED and PRUNED_AT in trial.user_attrs:
        study.tell(trial.number, state=TrialState.PRUNED)
    elif outcome.status == COMPLETED:
        values = objective_values(objectives, outcome.folder)
        lost = [one.label for one, value in zip(objectives, values, strict=True) if math.isnan(value)]
        if lost:
            _fail(study, trial, f"{lost[0]} is not finite")
        else:
            study.tell(trial.number, values)
    elif outcome.status == FAILED:
        _fail(study, trial, outcome.error or "no reason was recorded")


def _fail(study: Study, trial: FrozenTrial, reason: str) -> None:
    study._storage.set_trial_user_attr(trial._trial_id, ERROR, reason[:2000])
    study.tell(trial.number, state=TrialState.FAIL)
