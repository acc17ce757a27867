"""One run from its configuration to its results: build, train, test, and write down what came of it."""

import json
import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from omegaconf import OmegaConf

from throughtime.callback.checkpoint import Checkpoint, logged
from throughtime.callback.checkpoint_files import BEST, LAST
from throughtime.data.base import DataModule
from throughtime.distributed.launcher import SingleNodeEnvironment, check_ranks, other_ranks
from throughtime.errors import UserError, check_seed
from throughtime.files import atomic_write
from throughtime.run import summary
from throughtime.run.build import Config, build_data, build_task
from throughtime.run.checkpoint import AtomicCheckpointIO, newest_checkpoint, read_checkpoint, self_contained
from throughtime.run.environment import ORIGIN, RESUMED, environment
from throughtime.run.folder import RunFolder, write_json
from throughtime.run.results import Results
from throughtime.run.trainer import build_trainer, check_trainer
from throughtime.run.transfer import Transfer, take_weights
from throughtime.task.base import Task

log = logging.getLogger(__name__)


def _print(text: str) -> None:
    print(text, flush=True)


@dataclass(frozen=True)
class Run:
    """What is asked for.

    Attributes:
        config: the whole resolved configuration in plain containers.
        folder: where everything of this run goes.
        overrides: what the user typed.
        choices: the option chosen for each config group; empty for a resumed run.
        say: takes what the run tells at its start and at its end; by default it is printed.
        beside: names that may lie in a new run's folder already.
    """

    config: Config
    folder: RunFolder
    overrides: list[str]
    choices: dict[str, str | None]
    say: Callable[[str], None] = _print
    beside: tuple[str, ...] = ()


def fit(run: Run) -> Results:
    """Train, test and summarise one run; with `resume` in its configuration, go on where that run stopped.

    Raises:
        UserError: a mistake of the user's; where it is found before the first step, nothing is left behind.
        Interrupted: a signal came; the state is saved and results.json says `interrupted`.
    """
    config, folder = run.config, run.folder
    checkpoint = newest_checkpoint(folder, "resume") if config["resume"] else None
    resumed_step, known_metrics = _stopped_at(checkpoint)
    pl.seed_everything(check_seed(config["seed"]), workers=True, verbose=False)
    check_trainer(config["trainer"])
    data = build_data(config, run.choices.get("data"))
    artifacts = data.artifacts()
    task = build_task(config, artifacts)
    transfer = None if checkpoint is not None else take_weights(task, data, config.get("init_from"))
    recorded, place = {**config, "resume": None}, SingleNodeEnvironment()
    saving = AtomicCheckpointIO({"config": self_contained(recorded), "artifacts": artifacts})
    created = folder.claim(run.beside) if checkpoint is None else None
    try:
        trainer = build_trainer(config, folder, saving, resumed_step, place)
        check_ranks(trainer.world_size, config)
        results = _results(run, task, _record(run, recorded, data, transfer))
        if checkpoint is not None:
            results.go_on_from(folder)
            results.metrics |= known_metrics
        results.write(folder)
    except BaseException:
        if created is not None:
            folder.discard(created)
        raise
    keeper = next(callback for callback in trainer.callbacks if isinstance(callback, Checkpoint))
    run.say(summary.opening(task, data, results, folder, transfer))
    try:
        together = other_ranks(trainer.world_size, place.main_port, config, folder, checkpoint)
        with keeper.answering_signals(), together:
            _train_and_test(trainer, keeper, task, data, results, folder, checkpoint)
        results.status = "completed"
    except BaseException as error:
        if isinstance(error, UserError) and created is not None and trainer.global_step == 0:
            folder.discard(created)
            raise
        error = _first(error, folder)
        results.status = "failed" if isinstance(error, Exception) else "interrupted"
        _conclude_failure(error, results, run, task)
        raise error
    _conclude(results, run, task)
    return results


def _stopped_at(checkpoint: Path | None) -> tuple[int | None, dict[str, float]]:
    """The optimiser steps of the checkpoint that a run goes on from, and the metrics that were logged by then."""
    if checkpoint is None:
        return None, {}
    content = read_checkpoint(checkpoint)
    return content["global_step"], content.get("metrics", {})


def _train_and_test(
    trainer: pl.Trainer,
    keeper: Checkpoint,
    task: Task,
    data: DataModule,
    results: Results,
    folder: RunFolder,
    checkpoint: Path | None,
) -> None:
    try:
        trainer.fit(task, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    finally:
        results.seconds = round(keeper.seconds, 2)
        results.speed = round(task.targets_seen / keeper.seconds, 1) if keeper.seconds else 0.0
        results.steps, results.epochs = trainer.global_step, trainer.current_epoch
        results.best, results.best_step = keeper.best, keeper.best_step
        results.pruned = any(getattr(callback, "pruned", False) for callback in trainer.callbacks)
        _take_metrics(trainer, results)
        results.checkpoint = chosen_checkpoint(folder)
    if data.test_dataloader():
        trainer.test(task, datamodule=data, ckpt_path=results.checkpoint, weights_only=True, verbose=False)
        _take_metrics(trainer, results)


def chosen_checkpoint(folder: RunFolder) -> str | None:
    """The best checkpoint of a run where it was validated, else its last; None where it has none."""
    chosen = next((name for name in (BEST, LAST) if (folder.checkpoints / name).exists()), None)
    return chosen and str(folder.checkpoints / chosen)


def _take_metrics(trainer: pl.Trainer, results: Results) -> None:
    results.metrics |= logged(trainer)


def _record(run: Run, recorded: Config, data: DataModule, transfer: Transfer | None) -> list[str]:
    """Write down what is run; returns all that the user has typed for this run, at its start and on resuming it."""
    folder = run.folder
    earlier = (
        OmegaConf.to_container(OmegaConf.load(folder.overrides), resolve=False)
        if folder.overrides.exists()
        else []
    )
    overrides = [*earlier, *(typed for typed in run.overrides if not typed.startswith("resume="))]
    for path, content in ((folder.config, recorded), (folder.overrides, overrides)):
        with atomic_write(path) as file:
            file.write(OmegaConf.to_yaml(OmegaConf.create(content)).encode())
    write_json(folder.environment, environment(data.fingerprint()) | _history(run, transfer))
    folder.set_aside(folder.errors())
    return overrides


def _history(run: Run, transfer: Transfer | None) -> dict[str, Any]:
    """Where the first weights came from, and what was typed on each resumption beside resume=."""
    if not run.config["resume"]:
        return {} if transfer is None else {ORIGIN: transfer.origin()}
    try:
        earlier = json.loads(run.folder.environment.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        earlier = {}
    typed = [override for override in run.overrides if not override.startswith("resume=")]
    changes = {RESUMED: [*earlier.get(RESUMED, []), typed]} if typed else {}
    return {name: earlier[name] for name in (ORIGIN, RESUMED) if name in earlier} | changes


def _first(error: BaseException, folder: RunFolder) -> BaseException:
    """What went wrong before a logger that is closed because of it could not write either."""
    while isinstance(error, OSError) and error.__context__ is not None:
        error = error.__context__
    if isinstance(error, OSError) and not folder.path.is_dir():
        return UserError(
            f"{folder.path} is gone: the run's folder was moved or deleted while the run wrote to it"
        )
    return error


def _conclude_failure(error: BaseException, results: Results, run: Run, task: Task) -> None:
    """As `_conclude`, with the traceback in error.txt; what cannot be written is told and hides no error."""
    try:
        if isinstance(error, Exception):
            run.folder.error.write_text("".join(traceback.format_exception(error)))
        _conclude(results, run, task)
    except OSError as unwritten:
        if isinstance(unwritten, BrokenPipeError):
            raise
        log.error("%s could not be written: %s", unwritten.filename or run.folder.path, unwritten.strerror)


def _conclude(results: Results, run: Run, task: Task) -> None:
    results.write(run.folder)
    run.say(summary.closing(results, run.folder, run.config["trainer"], task))


def _results(run: Run, task: Task, overrides: list[str]) -> Results:
    """The results before the first step."""
    results = Results(task.name, run.config["seed"], overrides, task.monitor, task.mode)
    results.choices = _own_choices(run.choices)
    results.parameters = sum(parameter.numel() for parameter in task.parameters())
    return results


def _own_choices(choices: dict[str, str | None]) -> dict[str, str]:
    """The choices that say what is trained: none of Hydra's own groups, and no group that is left empty."""
    return {
        group: option for group, option in choices.items() if option and group.partition("/")[0] != "hydra"
    }
