"""The trials of a search: those that were under way when it was stopped come first, then new ones up to the total.

A trial's number is its job's, so that each finds the other. A trial is told once, by the process that asked for it or
by the one that resumes the search, and until then it is under way: none is lost, and none is counted twice.
"""

import math
from collections.abc import Sequence

import optuna
from optuna import Study
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from throughtime.callback.pruning import PRUNED_AT
from throughtime.search.objectives import Objective, measured
from throughtime.search.space import Space
from throughtime.search.syntax import as_text
from throughtime.sweep.job import COMPLETED, FAILED, Outcome

ERROR = "error"  # under which a failed trial keeps its reason


def next_trials(study: Study, space: Space, together: int, total: int) -> list[FrozenTrial]:
    """The trials to run now: all that are under way, and as many new ones as fill their batch.

    New trials are drawn a batch at a time, at the same numbers whether or not the search was stopped in between, so
    that a sampler which learns has seen the same trials.

    Args:
        study: the search.
        space: what each key is drawn from.
        together: the size of a batch.
        total: of trials in the whole search, whatever came of them.
    """
    begun = len(study.get_trials(deepcopy=False))
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    batch_is_full = bool(running) and begun % together == 0
    end = begun if batch_is_full else min((begun // together + 1) * together, total)
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
    """Draw what has not been drawn yet: the process may have been killed between two keys."""
    for key, one in space.items():
        if isinstance(one, CategoricalDistribution):
            trial.suggest_categorical(key, one.choices)
        elif isinstance(one, IntDistribution):
            trial.suggest_int(key, one.low, one.high, step=one.step, log=one.log)
        else:
            trial.suggest_float(key, one.low, one.high, step=one.step, log=one.log)


def overrides(trial: FrozenTrial, space: Space) -> list[str]:
    """What is typed for a trial, in the order of the space."""
    return [f"{key}={as_text(trial.params[key])}" for key in space]


def tell(study: Study, outcome: Outcome, objectives: Sequence[Objective]) -> None:
    """Record what came of a trial; one that has not ended, or was told before, stays as it is.

    Raises:
        UserError: the run did not measure an objective.
    """
    trial = study.get_trials(deepcopy=False)[outcome.number]
    if trial.state.is_finished():
        return
    if outcome.status == COMPLETED and PRUNED_AT in trial.user_attrs:
        study.tell(trial.number, state=TrialState.PRUNED)
    elif outcome.status == COMPLETED:
        values = measured(objectives, outcome.folder)
        lost = [one.label for one, value in zip(objectives, values, strict=True) if math.isnan(value)]
        if lost:
            _fail(study, trial, f"{lost[0]} is not finite")
        else:
            study.tell(trial.number, values)
    elif outcome.status == FAILED:
        _fail(study, trial, outcome.error or "it failed")


def _fail(study: Study, trial: FrozenTrial, reason: str) -> None:
    study._storage.set_trial_user_attr(trial._trial_id, ERROR, reason[:2000])
    study.tell(trial.number, state=TrialState.FAIL)
