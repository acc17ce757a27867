"""No trial is lost and none is counted twice, wherever the process is killed."""

import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from throughtime.callback.pruning import PRUNED_AT
from throughtime.search.objectives import Objective
from throughtime.search.sampler import build_sampler
from throughtime.search.trials import ERROR, next_trials, overrides, report_outcome
from throughtime.sweep.job import COMPLETED, FAILED, INTERRUPTED, WAITING, Outcome

SPACE = {
    "optim.optimizer.lr": FloatDistribution(1e-4, 1e-2, log=True),
    "cell.hidden_size": IntDistribution(32, 128, step=32),
    "cell": CategoricalDistribution(["gru", "lstm", None]),
}
TOTAL = 9
WRITES = (
    "create_new_trial",
    "set_trial_param",
    "set_trial_system_attr",
    "set_trial_user_attr",
    "set_trial_state_values",
)


class Killed(BaseException):
    """What stands for SIGKILL."""


class Mortal(InMemoryStorage):
    """A storage whose process is killed at a write; what was written stays."""

    def die_at(self, write: int) -> None:
        """Die before a write that is so many from now."""
        left = itertools.count(-write)
        for name in WRITES:
            setattr(self, name, self._mortal(getattr(InMemoryStorage, name), left))

    def _mortal(self, method: Callable, left: itertools.count) -> Callable:
        def call(*arguments: object, **named: object) -> object:
            if next(left) == 0:
                raise Killed
            return method(self, *arguments, **named)

        return call

    def live(self) -> None:
        for name in WRITES:
            self.__dict__.pop(name, None)


@pytest.fixture
def outcome(tmp_path: Path) -> Callable[[FrozenTrial], Outcome]:
    """What becomes of a trial: a function of its parameters. Every fifth fails."""

    def run(trial: FrozenTrial) -> Outcome:
        folder = tmp_path / str(trial.number)
        folder.mkdir(exist_ok=True)
        value = trial.params["optim.optimizer.lr"] * trial.params["cell.hidden_size"]
        (folder / "results.json").write_text(
            json.dumps({"monitor": "val/loss", "best": value, "metrics": {}})
        )
        status = FAILED if trial.number % 5 == 4 else COMPLETED
        return Outcome(trial.number, folder, status, error="it raised" if status == FAILED else None)

    return run


def search(
    storage: InMemoryStorage, outcome: Callable, n_jobs: int, sampler: str = "tpe"
) -> list[FrozenTrial]:
    study = optuna.create_study(
        storage=storage, study_name="search", load_if_exists=True, sampler=build_sampler(sampler, 1, SPACE)
    )
    while trials := next_trials(study, SPACE, n_jobs, TOTAL):
        for trial in trials:
            report_outcome(study, outcome(trial), [Objective(None, "minimize")])
    return study.get_trials()


def told(trials: list[FrozenTrial]) -> list[tuple]:
    return [(one.number, one.params, one.values, one.state, one.user_attrs) for one in trials]


@pytest.mark.parametrize(("sampler", "n_jobs"), [("tpe", 1), ("tpe", 2), ("cmaes", 3), ("grid", 1)])
def test_killed_at_any_write_and_resumed_a_search_is_as_if_it_never_was(
    outcome, sampler: str, n_jobs: int
) -> None:
    expected = told(search(InMemoryStorage(), outcome, n_jobs, sampler))
    assert len(expected) == TOTAL
    for write in itertools.count():
        storage = Mortal()
        storage.die_at(write)
        try:
            search(storage, outcome, n_jobs, sampler)
            break  # it came to its end before that write
        except Killed:
            storage.live()
        assert told(search(storage, outcome, n_jobs, sampler)) == expected, f"killed at write {write}"
    assert write > 4 * TOTAL


def test_what_has_not_ended_is_run_again_and_no_more(outcome) -> None:
    study = optuna.create_study(sampler=build_sampler("random", 1, SPACE))
    first = next_trials(study, SPACE, 3, 5)
    assert [trial.number for trial in first] == [0, 1, 2]
    report_outcome(study, outcome(first[1]), [Objective(None, "minimize")])
    for status in (WAITING, INTERRUPTED):
        report_outcome(study, Outcome(0, Path("0"), status), [Objective(None, "minimize")])
    assert [trial.number for trial in next_trials(study, SPACE, 3, 5)] == [0, 2]
    for trial in (first[0], first[2]):
        report_outcome(study, outcome(trial), [Objective(None, "minimize")])
    assert [trial.number for trial in next_trials(study, SPACE, 3, 5)] == [3, 4]


def test_an_outcome_is_told_once(outcome) -> None:
    study = optuna.create_study(sampler=build_sampler("random", 1, SPACE))
    (trial,) = next_trials(study, SPACE, 1, 1)
    for _ in range(2):
        report_outcome(study, outcome(trial), [Objective(None, "minimize")])
    assert study.trials[0].state == TrialState.COMPLETE


def test_a_failure_keeps_its_reason_and_nan_is_a_failure(outcome, tmp_path: Path) -> None:
    study = optuna.create_study(sampler=build_sampler("random", 1, SPACE))
    trials = next_trials(study, SPACE, 3, 3)
    report_outcome(study, Outcome(0, tmp_path, FAILED, error="out of memory"), [Objective(None, "minimize")])
    (tmp_path / "results.json").write_text(json.dumps({"monitor": "val/loss", "best": math.nan}))
    report_outcome(study, Outcome(1, tmp_path, COMPLETED), [Objective(None, "minimize")])
    reasons = [trial.user_attrs.get(ERROR) for trial in study.trials]
    assert reasons[:2] == ["out of memory", "the monitored metric is not finite"]
    assert [trial.state for trial in study.trials[:2]] == [TrialState.FAIL] * 2
    assert len(trials) == 3


def test_a_pruned_trial_has_its_last_value(outcome) -> None:
    study = optuna.create_study(sampler=build_sampler("random", 1, SPACE))
    (trial,) = next_trials(study, SPACE, 1, 1)
    study._storage.set_trial_intermediate_value(trial._trial_id, 10, 3.0)
    study._storage.set_trial_intermediate_value(trial._trial_id, 20, 2.0)
    study._storage.set_trial_user_attr(trial._trial_id, PRUNED_AT, 20)
    report_outcome(study, outcome(trial), [Objective(None, "minimize")])
    assert (study.trials[0].state, study.trials[0].value) == (TrialState.PRUNED, 2.0)


def test_what_is_typed_for_a_trial_is_in_the_order_of_the_space() -> None:
    trial = optuna.trial.create_trial(
        params={"cell": None, "cell.hidden_size": 64, "optim.optimizer.lr": 0.001},
        distributions=SPACE,
        value=1.0,
    )
    assert overrides(trial, SPACE) == ["optim.optimizer.lr=0.001", "cell.hidden_size=64", "cell=null"]
