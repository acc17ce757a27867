"""One run from its configuration to its results: build, train, test, and record."""

import logging
import traceback
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from omegaconf import OmegaConf

from throughtime.callback.checkpoint import Checkpoint, latest_metrics
from throughtime.callback.checkpoint_files import BEST, LAST
from throughtime.callback.logging import closing_loggers
from throughtime.callback.speed import speed_unit
from throughtime.config.instantiate import check_configuration
from throughtime.data.base import DataModule
from throughtime.distributed.external import ExternalEnvironment, connect, lead_workers
from throughtime.distributed.launcher import (
    SingleNodeEnvironment,
    WorkerSpec,
    launch_workers,
    meeting_folder,
)
from throughtime.distributed.place import external_place
from throughtime.errors import UserError, check_seed
from throughtime.files import write_text
from throughtime.run import summary
from throughtime.run.build import Config, build_data, build_task
from throughtime.run.checkpoint import AtomicCheckpointIO, newest_checkpoint, read_checkpoint, self_contained
from throughtime.run.checkpoint_content import (
    FINGERPRINT,
    WRONG_SHAPE,
    check_resumable,
    check_weights,
    shape_errors_as_user_errors,
)
from throughtime.run.environment import RESUMED, environment
from throughtime.run.folder import RunFolder, check_no_links, write_json
from throughtime.run.recorded_data import (
    ORIGIN,
    check_files,
    check_origin,
    plain_fingerprint,
    recorded_fingerprint,
)
from throughtime.run.recorded_files import read_object, read_overrides
from throughtime.run.results import Results
from throughtime.run.size_limits import check_sizes
from throughtime.run.trainer import build_trainer, check_devices, check_trainer
from throughtime.run.transfer import Transfer, take_weights
from throughtime.task.base import Task

log = logging.getLogger(__name__)

WORKER = "throughtime.run.worker"


def _print(text: str) -> None:
    print(text, flush=True)


@dataclass(frozen=True)
class Run:
    """A run to be trained.

    Attributes:
        config: the whole resolved configuration in plain containers.
        folder: where everything of this run goes.
        overrides: what the user typed.
        choices: the option chosen for each config group; empty for a resumed run.
        log: takes the messages at the run's start and end; by default they are printed.
        existing: names of files that may lie in a new run's folder already.
        named: keys of files that the user has named in this command (`throughtime.run.recorded_data.named_files`).
        original: the folder whose configuration a new run repeats; None for a run of the user's own configuration.
    """

    config: Config
    folder: RunFolder
    overrides: list[str]
    choices: dict[str, str | None]
    log: Callable[[str], None] = _print
    existing: tuple[str, ...] = ()
    named: frozenset[str] = frozenset()
    original: RunFolder | None = None


def fit_run(run: Run) -> Results:
    """Train, test and summarise one run; with `resume` in its configuration, continue where that run stopped.

    Raises:
        UserError: an error of the user's; where it is found before the first step, no file is left behind.
        Interrupted: a signal came; the state is saved and results.json says `interrupted`.
    """
    with ExitStack() as lock:
        if run.config.get("resume"):
            lock.enter_context(run.folder.locked())
            check_no_links(run.folder.path)
        return _fit_locked(run, lock)


def _fit_locked(run: Run, lock: ExitStack) -> Results:
    """As `fit_run`; the lock of a new run's folder is entered into `lock` once the folder is claimed."""
    folder, place = run.folder, external_place()
    if place is not None and place.rank > 0:
        raise UserError(
            f"{place.launcher} has started this process as rank {place.rank}; only train.py can be rank 0"
        )
    config = run.config if place is None else place.config_of(run.config)
    check_seed(config["seed"])  # before the data's, which has the same value by default
    check_configuration(config)
    check_sizes(config)
    checkpoint = newest_checkpoint(folder, "resume") if config["resume"] else None
    content = None if checkpoint is None else _resumable(checkpoint)
    resumed_step, known_metrics = _progress_of(content)
    pl.seed_everything(check_seed(config["seed"]), workers=True, verbose=False)
    check_trainer(config["trainer"])
    data = build_data(config, run.choices.get("data"))
    _check_data(data, run, content)
    artifacts = data.artifacts()
    task = build_task(config, artifacts)
    transfer = None if checkpoint is not None else take_weights(task, data, config.get("init_from"))
    if transfer is not None and run.original is not None and "init_from" not in run.named:
        check_origin(run.original, config["init_from"], transfer.sha256)
    recorded = {**config, "resume": None}
    cluster = SingleNodeEnvironment() if place is None else ExternalEnvironment(place, connect(place))
    content_of_all = {
        "config": self_contained(recorded),
        "artifacts": artifacts,
        FINGERPRINT: plain_fingerprint(data),
    }
    checkpoint_io = AtomicCheckpointIO(content_of_all)
    if content is not None:
        _check_weights(content["state_dict"], task, checkpoint, run)
        del content  # the trainer reads the file again
    created = folder.claim(run.existing, lock) if checkpoint is None else None
    try:
        trainer = build_trainer(config, folder, checkpoint_io, resumed_step, cluster)
        check_devices(trainer.world_size, config)
        results = _results(run, task, _record(run, recorded, data, transfer))
        if checkpoint is not None:
            results.continue_from(folder)
            results.metrics |= known_metrics
        results.write(folder)
    except BaseException:
        if created is not None:
            folder.discard(created)
        raise
    checkpointing = next(callback for callback in trainer.callbacks if isinstance(callback, Checkpoint))
    run.log(summary.start_message(task, data, results, folder, transfer))
    if place is not None:
        run.log(str(place))
    try:
        resumed = None if checkpoint is None else str(checkpoint.absolute())
        meeting = lock.enter_context(meeting_folder()) if place is None and trainer.world_size > 1 else None
        specs = [
            WorkerSpec(rank, meeting, config, str(folder.path.absolute()), resumed)
            for rank in range(1, trainer.world_size)
        ]
        if place is None:
            cluster.folder = meeting
            workers = launch_workers(WORKER, specs, folder.error_of)
        else:
            workers = lead_workers(cluster.root, specs, folder.error_of)
        with checkpointing.answering_signals(), workers, closing_loggers(trainer):
            _train_and_test(trainer, checkpointing, task, data, results, folder, checkpoint)
        results.status = "completed"
    except BaseException as error:
        if isinstance(error, UserError) and created is not None and trainer.global_step == 0:
            folder.discard(created)
            raise
        error = _root_cause(error, folder)
        results.status = "failed" if isinstance(error, Exception) else "interrupted"
        _finish_failed(error, results, run, task)
        raise error
    _finish(results, run, task)
    return results


def _check_data(data: DataModule, run: Run, content: Mapping[str, Any] | None) -> None:
    """Raise `UserError` where a recorded configuration names other data than those of its run.

    Args:
        data: read.
        run: resumed, a repetition, or new; a new one reads what the user names.
        content: of the checkpoint that it goes on from.
    """
    source = run.folder if content is not None else run.original
    if source is not None:
        recorded = (content or {}).get(FINGERPRINT) or recorded_fingerprint(source)
        command = "rerun" if content is None else "resume"
        check_files(data, recorded, str(run.config[command]), command, run.named)


def _check_weights(weights: Mapping[str, Any], task: Task, checkpoint: Path, run: Run) -> None:
    """As `check_weights`; where the user has named other data, these are why the weights do not fit."""
    try:
        check_weights(weights, task, checkpoint)
    except UserError as error:
        if not run.named:
            raise
        raise UserError(
            f"{', '.join(sorted(run.named))}: a run goes on with data of the same sizes and symbols ({error}); start a "
            f"new one that takes its weights: init_from={run.config['resume']}"
        ) from error


def _resumable(checkpoint: Path) -> dict[str, Any]:
    """The content of a checkpoint that a run goes on from."""
    content = read_checkpoint(checkpoint)
    check_resumable(content, checkpoint)
    return content


def _progress_of(content: dict[str, Any] | None) -> tuple[int | None, dict[str, float]]:
    """The optimiser steps of the checkpoint that a run goes on from, and the metrics that were logged by then."""
    if content is None:
        return None, {}
    return content["global_step"], content.get("metrics", {})


def _train_and_test(
    trainer: pl.Trainer,
    checkpointing: Checkpoint,
    task: Task,
    data: DataModule,
    results: Results,
    folder: RunFolder,
    checkpoint: Path | None,
) -> None:
    try:
        if checkpoint is None:
            trainer.fit(task, datamodule=data)
        else:
            _resume(trainer, checkpointing, task, data, checkpoint)
    finally:
        results.seconds = round(checkpointing.seconds, 2)
        results.speed = round(task.targets_seen / checkpointing.seconds, 1) if checkpointing.seconds else 0.0
        results.unit = speed_unit(trainer)
        results.steps, results.epochs = trainer.global_step, trainer.current_epoch
        results.best, results.best_step = checkpointing.best, checkpointing.best_step
        results.pruned = any(getattr(callback, "pruned", False) for callback in trainer.callbacks)
        results.metrics |= latest_metrics(trainer)
        results.checkpoint = chosen_checkpoint(folder)
    if data.test_dataloader():
        trainer.test(task, datamodule=data, ckpt_path=results.checkpoint, weights_only=True, verbose=False)
        results.metrics |= latest_metrics(trainer)


def _resume(
    trainer: pl.Trainer, checkpointing: Checkpoint, task: Task, data: DataModule, checkpoint: Path
) -> None:
    """Train from a checkpoint; until the first step that uses it is over, an error of another shape is one of it."""
    try:
        trainer.fit(task, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    except WRONG_SHAPE:
        if checkpointing.trained:
            raise
        with shape_errors_as_user_errors(checkpoint):
            raise


def chosen_checkpoint(folder: RunFolder) -> str | None:
    """The best checkpoint of a run where it was validated, else its last; None where it has none."""
    chosen = next((name for name in (BEST, LAST) if (folder.checkpoints / name).exists()), None)
    return chosen and str(folder.checkpoints / chosen)


def _record(run: Run, recorded: Config, data: DataModule, transfer: Transfer | None) -> list[str]:
    """Write config.yaml, overrides.yaml and environment.json; returns the overrides of the start and of resumptions."""
    folder = run.folder
    overrides = [
        *read_overrides(folder.overrides),
        *(typed for typed in run.overrides if not typed.startswith("resume=")),
    ]
    for path, content in ((folder.config, recorded), (folder.overrides, overrides)):
        write_text(path, OmegaConf.to_yaml(OmegaConf.create(content)))
    write_json(folder.environment, environment(plain_fingerprint(data)) | _history(run, transfer))
    folder.set_aside(folder.errors())
    return overrides


def _history(run: Run, transfer: Transfer | None) -> dict[str, Any]:
    """The origin of the first weights, and the overrides of each resumption beside resume=."""
    if not run.config["resume"]:
        return {} if transfer is None else {ORIGIN: transfer.origin()}
    try:
        earlier = read_object(run.folder.environment)
    except UserError:
        earlier = {}
    typed = [override for override in run.overrides if not override.startswith("resume=")]
    before = earlier.get(RESUMED)
    changes = {RESUMED: [*(before if isinstance(before, list) else []), typed]} if typed else {}
    return {name: earlier[name] for name in (ORIGIN, RESUMED) if name in earlier} | changes


def _root_cause(error: BaseException, folder: RunFolder) -> BaseException:
    """The error that came first, where a logger that is closed because of it could not write either."""
    while isinstance(error, OSError) and error.__context__ is not None:
        error = error.__context__
    if isinstance(error, OSError) and not folder.path.is_dir():
        return UserError(
            f"{folder.path} is gone: the run's folder was moved or deleted while the run wrote to it"
        )
    return error


def _finish_failed(error: BaseException, results: Results, run: Run, task: Task) -> None:
    """As `_finish`, with the traceback in error.txt; a file that cannot be written is logged and hides no error."""
    try:
        if isinstance(error, Exception):
            write_text(run.folder.error, "".join(traceback.format_exception(error)))
        _finish(results, run, task)
    except OSError as unwritten:
        if isinstance(unwritten, BrokenPipeError):
            raise
        log.error("%s could not be written: %s", unwritten.filename or run.folder.path, unwritten.strerror)


def _finish(results: Results, run: Run, task: Task) -> None:
    results.write(run.folder)
    run.log(summary.end_message(results, run.folder, run.config, task))


def _results(run: Run, task: Task, overrides: list[str]) -> Results:
    """The results before the first step."""
    results = Results(task.name, run.config["seed"], overrides, task.monitor, task.mode)
    results.choices = _own_choices(run.choices)
    results.parameters = sum(parameter.numel() for parameter in task.parameters())
    return results


def _own_choices(choices: dict[str, str | None]) -> dict[str, str]:
    """The choices of the experiment's groups, without Hydra's own and without empty ones."""
    return {
        group: option for group, option in choices.items() if option and group.partition("/")[0] != "hydra"
    }
