"""Trials that come to nothing are stopped, at the same step through kills; runs of no search are left alone."""

from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as pl
import optuna
import pytest
from optuna.trial import TrialState

from throughtime.callback.checkpoint import FinalValidation
from throughtime.callback.pruning import (
    PRUNED_AT,
    PRUNERS,
    STUDY,
    STUDY_FILE,
    Pruning,
    build_pruner,
    open_storage,
)
from throughtime.errors import UserError


class Metric(pl.Callback):
    """Gives the monitored metric a course of its own: one value a validation."""

    def __init__(self, *course: float) -> None:
        self.course = list(course)

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.sanity_checking:
            pl_module.log("val/bpc", self.course.pop(0))


@pytest.fixture
def study(tmp_path: Path) -> optuna.Study:
    return optuna.create_study(study_name=STUDY, storage=open_storage(tmp_path / STUDY_FILE))


@pytest.fixture
def run_trial(
    study: optuna.Study, fit: Callable[..., pl.Trainer], tmp_path: Path
) -> Callable[..., tuple[pl.Trainer, Pruning]]:
    """Run a trial whose validations, after 4, 8 and 12 steps, give these values."""

    def run(*course: float, number: int | None = None, **settings: object) -> tuple[pl.Trainer, Pruning]:
        number = study.ask().number if number is None else number
        pruning = Pruning(startup_trials=1, **settings)
        folder = tmp_path / str(number)
        trainer = fit(Metric(*course), pruning, FinalValidation(), logger=False, default_root_dir=str(folder))
        return trainer, pruning

    return run


def test_a_trial_worse_than_the_median_stops_where_it_falls_behind(study, run_trial) -> None:
    trainer, pruning = run_trial(3, 2, 1)
    assert (trainer.global_step, pruning.pruned) == (12, False)
    study.tell(0, 1.0)
    trainer, pruning = run_trial(2, 5, 0)  # the best so far counts, so 2 is as good as the other at 8
    assert (trainer.global_step, pruning.pruned) == (12, False)
    trainer, pruning = run_trial(2.5, 2.5, 0)
    assert (trainer.global_step, pruning.pruned) == (8, True)
    assert study.trials[2].intermediate_values == {4: 2.5, 8: 2.5}
    assert study.trials[2].user_attrs[PRUNED_AT] == 8


def test_at_its_end_no_trial_is_pruned(study, run_trial) -> None:
    run_trial(3, 2, 1)
    study.tell(0, 1.0)
    trainer, pruning = run_trial(1, 2, 9)
    assert (trainer.global_step, pruning.pruned) == (12, False)
    assert study.trials[1].intermediate_values[12] == 9


@pytest.mark.parametrize(("noted", "stopped"), [(4, 4), (8, 8)])
def test_a_decision_stands_when_the_run_is_killed_and_resumed(
    study, run_trial, noted: int, stopped: int
) -> None:
    """Whatever the pruner would say now."""
    trial = study.ask()
    trial.set_user_attr(PRUNED_AT, noted)
    trainer, pruning = run_trial(1, 1, 1, number=0)
    assert (trainer.global_step, pruning.pruned) == (stopped, True)


def test_what_was_reported_before_a_kill_stays(study, run_trial) -> None:
    study.ask().report(7.0, 4)
    run_trial(5, 5, 5, number=0)
    assert study.trials[0].intermediate_values == {4: 7.0, 8: 5.0, 12: 5.0}


def test_a_value_that_is_not_finite_is_not_reported(study, run_trial) -> None:
    run_trial(float("nan"), float("inf"), 1)
    assert study.trials[0].intermediate_values == {12: 1.0}


def test_a_run_of_no_search_is_left_alone(fit, tmp_path: Path) -> None:
    pruning = Pruning()
    assert fit(pruning, default_root_dir=str(tmp_path / "0")).global_step == 12
    assert not pruning.pruned and not (tmp_path / STUDY_FILE).exists()


@pytest.mark.parametrize("name", ["run", "1"])
def test_so_is_a_run_that_is_no_trial_under_way(study, fit, tmp_path: Path, name: str) -> None:
    study.ask()
    study.tell(study.ask(), state=TrialState.FAIL)
    assert fit(Pruning(), default_root_dir=str(tmp_path / name)).global_step == 12
    assert all(not trial.intermediate_values for trial in study.trials)


def test_with_several_objectives_nothing_is_pruned(fit, tmp_path: Path) -> None:
    study = optuna.create_study(
        study_name=STUDY, storage=open_storage(tmp_path / STUDY_FILE), directions=["minimize", "minimize"]
    )
    study.ask()
    assert fit(Pruning(), default_root_dir=str(tmp_path / "0")).global_step == 12
    assert not study.trials[0].intermediate_values


@pytest.mark.parametrize("name", PRUNERS)
@pytest.mark.parametrize("max_steps", [None, 90])
def test_every_pruner_stops_the_hopeless_and_none_the_best(name: str, max_steps: int | None) -> None:
    study = optuna.create_study(pruner=build_pruner(name, 1, 10, max_steps))
    reached = []
    for number in range(12):
        trial = study.ask()
        for step in range(10, 91, 10):
            trial.report(number / step, step)
            if trial.should_prune():
                study.tell(trial, state=TrialState.PRUNED)
                break
        else:
            study.tell(trial, number)
        reached.append(step)
    assert reached[0] == 90
    assert (min(reached) < 90) == (name != "none")


def test_a_pruner_that_is_not_known_is_told() -> None:
    with pytest.raises(UserError, match="halving, hyperband, median, none"):
        Pruning("asha")


def test_a_folder_may_have_braces_in_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "{cell}{"
    folder.mkdir()
    optuna.create_study(study_name=STUDY, storage=open_storage(folder / STUDY_FILE))
    assert (folder / STUDY_FILE).is_file()
