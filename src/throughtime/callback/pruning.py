"""Pruning: stop a trial of a search early where earlier trials were better at the same step."""

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import optuna
from lightning.pytorch import Callback
from optuna import Study
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import RandomSampler
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from throughtime.errors import check_choice

STUDY, STUDY_FILE = "search", "study.db"
PRUNED_AT = "pruned_at"  # the trial attribute that holds the step at which it was pruned
PRUNERS = ("median", "halving", "hyperband", "none")


class Pruning(Callback):
    """Report the monitored metric of each validation to the search's study, and stop where its pruner decides so.

    The study lies beside the run's folder.

    Runs outside a search, and searches of several objectives, are never pruned. A decision is recorded in the study
    before the run stops, so that a run that is killed in between and resumed stops at the same step.

    Args:
        pruner: `median` (worse than the median of the trials before it at the same step), `halving` (not in the best
            third at growing steps; Jamieson & Talwalkar 2016), `hyperband` (several such ladders; Li et al. 2018),
            or `none`.
        startup_trials: completed trials before `median` prunes any.

    Attributes:
        pruned: whether the run was stopped.
    """

    def __init__(self, pruner: str = "median", startup_trials: int = 5) -> None:
        check_choice(PRUNERS, pruner=pruner)
        self.pruner = pruner
        self.startup_trials = startup_trials
        self.pruned = False
        self._study: Study | None = None

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        file = Path(trainer.default_root_dir).resolve().parent / STUDY_FILE
        if self.pruner == "none" or not trainer.is_global_zero or not file.is_file():
            return
        study = optuna.load_study(
            study_name=STUDY,
            storage=open_storage(file),
            sampler=RandomSampler(seed=0),  # never asked to sample
            pruner=build_pruner(self.pruner, self.startup_trials, *_resource(trainer)),
        )
        self._study = study if len(study.directions) == 1 else None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trial = self._trial(trainer)
        self._stop(trainer, trial is not None and _is_due(trainer, trial))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking or trainer.state.fn != "fit":
            return
        value = trainer.callback_metrics.get(pl_module.monitor)
        trial = self._trial(trainer)
        known = trial is not None and value is not None and bool(np.isfinite(float(value)))
        self._stop(trainer, known and self._prunes(trainer, trial, float(value)))

    def _prunes(self, trainer: pl.Trainer, trial: FrozenTrial, value: float) -> bool:
        """Report a value, and return whether the run is to stop here."""
        storage, step = self._study._storage, trainer.global_step
        if step not in trial.intermediate_values:  # else it was reported before the run was resumed
            storage.set_trial_intermediate_value(trial._trial_id, step, value)
        if trainer.should_stop:  # the run is at its end: nothing is saved by pruning it
            return False
        trial = storage.get_trial(trial._trial_id)
        if PRUNED_AT not in trial.user_attrs and self._study.pruner.prune(self._study, trial):
            storage.set_trial_user_attr(trial._trial_id, PRUNED_AT, step)
        return _is_due(trainer, storage.get_trial(trial._trial_id))

    def _stop(self, trainer: pl.Trainer, stop: bool) -> None:
        """Stop on all ranks; only rank 0 has the study."""
        if trainer.strategy.broadcast(stop):
            self.pruned = trainer.should_stop = True

    def _trial(self, trainer: pl.Trainer) -> FrozenTrial | None:
        """The running trial of this run, whose number is the name of the run's folder."""
        if self._study is None:
            return None
        running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        name = Path(trainer.default_root_dir).resolve().name
        return next((trial for trial in running if str(trial.number) == name), None)


def _is_due(trainer: pl.Trainer, trial: FrozenTrial) -> bool:
    """Whether the run has reached the step at which it was pruned."""
    return trainer.global_step >= trial.user_attrs.get(PRUNED_AT, np.inf)


def build_pruner(name: str, startup_trials: int, interval: int, max_steps: int | None) -> BasePruner:
    """The pruner of a name.

    Args:
        name: one of `PRUNERS`.
        startup_trials: completed trials before `median` prunes any.
        interval: optimiser steps between two validations, the least that a trial is given.
        max_steps: optimiser steps of a whole trial; None where time alone ends it.
    """
    if name == "median":
        return MedianPruner(n_startup_trials=startup_trials)
    if name == "halving":
        return SuccessiveHalvingPruner(min_resource=interval, reduction_factor=3)
    if name == "hyperband":
        most = "auto" if max_steps is None else max(max_steps, interval)
        return HyperbandPruner(min_resource=interval, max_resource=most, reduction_factor=3)
    return NopPruner()


def _resource(trainer: pl.Trainer) -> tuple[int, int | None]:
    """Optimiser steps between two validations, and of the whole run."""
    every = trainer.val_check_interval
    chunks = every if isinstance(every, int) else 1
    return max(
        1, chunks // trainer.accumulate_grad_batches
    ), trainer.max_steps if trainer.max_steps > 0 else None


def open_storage(path: Path, **arguments: Any) -> RDBStorage:
    """The SQLite file of a study; processes that write at once wait for each other."""
    name = str(path.resolve()).replace("{", "{{").replace("}", "}}")  # Optuna fills a template
    return RDBStorage(f"sqlite:///{name}", engine_kwargs={"connect_args": {"timeout": 60}}, **arguments)
