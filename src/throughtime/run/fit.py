"""One run from its configuration to its results: build, train, test, and write down what came of it."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.loggers import Logger
from omegaconf import OmegaConf

from throughtime.callback.checkpoint import BEST, LAST, Checkpoint
from throughtime.callback.final_validation import FinalValidation
from throughtime.callback.hparams import Hyperparameters
from throughtime.errors import Interrupted, UserError
from throughtime.run import summary
from throughtime.run.build import Config, build_data, build_task, check_fit
from throughtime.run.checkpoint import WholeFileIO, newest_checkpoint, read_checkpoint
from throughtime.run.environment import environment
from throughtime.run.folder import RunFolder, write_json
from throughtime.run.instantiate import instantiate
from throughtime.run.results import Results


@dataclass(frozen=True)
class Run:
    """What is asked for.

    Attributes:
        config: the whole resolved configuration in plain containers.
        folder: where everything of this run goes.
        overrides: what the user typed.
        choices: the option chosen for each config group; empty for a resumed run.
    """

    config: Config
    folder: RunFolder
    overrides: list[str]
    choices: dict[str, str]


def fit(run: Run) -> Results:
    """Train, test and summarise one run; with `resume` in its configuration, go on where that run stopped.

    Raises:
        UserError: a mistake of the user's; nothing has been written then.
        Interrupted: a signal came; the state is saved and results.json says `interrupted`.
    """
    config, folder = run.config, run.folder
    checkpoint = newest_checkpoint(folder, "resume") if config["resume"] else None
    pl.seed_everything(_whole_number(config["seed"]), workers=True, verbose=False)
    _check_budget(config["trainer"])
    data = build_data(config)
    if "data" in run.choices:
        check_fit(config["task"], run.choices["data"], data.kind)
    artifacts = data.artifacts()
    task = build_task(config, artifacts)
    recorded = {**config, "resume": None}
    saving = WholeFileIO({"config": recorded, "artifacts": artifacts})
    trainer = _build_trainer(config, folder, saving, checkpoint)
    if checkpoint is None:
        folder.claim()
    _record(run, recorded, data)
    results = Results(task.name, config["seed"], run.overrides, task.monitor, task.mode)
    results.parameters = sum(parameter.numel() for parameter in task.parameters())
    results.write(folder)
    print(summary.opening(task, data, results, folder), flush=True)
    try:
        _train_and_test(trainer, task, data, results, folder, checkpoint)
    except Interrupted:
        results.status = "interrupted"
        raise
    except Exception:
        results.status = "failed"
        raise
    finally:
        results.write(folder)
        print(summary.closing(results, folder, task.report()), flush=True)
    return results


def _train_and_test(
    trainer: pl.Trainer,
    task: pl.LightningModule,
    data: pl.LightningDataModule,
    results: Results,
    folder: RunFolder,
    checkpoint: Path | None,
) -> None:
    keeper = next(callback for callback in trainer.callbacks if isinstance(callback, Checkpoint))
    started = time.monotonic()
    try:
        trainer.fit(task, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    finally:
        results.seconds = round(time.monotonic() - started, 2)
        results.speed = round(task.tokens_seen / results.seconds, 1) if results.seconds else 0.0
        results.steps, results.epochs = trainer.global_step, trainer.current_epoch
        results.best, results.best_step = keeper.best, keeper.best_step
        results.metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        chosen = next((name for name in (BEST, LAST) if (folder.checkpoints / name).exists()), None)
        results.checkpoint = chosen and str(folder.checkpoints / chosen)
    if data.test_dataloader():
        trainer.test(task, datamodule=data, ckpt_path=results.checkpoint, weights_only=True, verbose=False)
        results.metrics |= {name: float(value) for name, value in trainer.callback_metrics.items()}
    results.status = "completed"


def _build_trainer(
    config: Config, folder: RunFolder, saving: WholeFileIO, checkpoint: Path | None
) -> pl.Trainer:
    parts = {
        name: part for name, part in instantiate(config["callback"], "callback").items() if part is not None
    }
    if not any(isinstance(part, Checkpoint) for part in parts.values()):
        raise UserError("callback.checkpoint is missing; a run without checkpoints would have no result")
    for part in parts.values():
        if isinstance(part, Hyperparameters):
            part.values = flat(config)
    return instantiate(
        config["trainer"],
        "trainer",
        default_root_dir=str(folder.path),
        logger=_build_logger(config, folder, checkpoint) or False,
        callbacks=[*parts.values(), FinalValidation()],
        plugins=[saving],
        enable_model_summary=False,
    )


def flat(config: Config, prefix: str = "") -> dict[str, Any]:
    """The configuration by dotted keys."""
    items: dict[str, Any] = {}
    for name, value in config.items():
        items |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return items


def _build_logger(config: Config, folder: RunFolder, checkpoint: Path | None) -> Logger | None:
    if not config.get("logger"):
        return None
    arguments: dict[str, Any] = {"save_dir": str(folder.path)}
    factory = instantiate(config["logger"], "logger")
    if (
        checkpoint is not None
    ):  # points logged after the checkpoint will be logged again: TensorBoard drops the old ones
        arguments["purge_step"] = read_checkpoint(checkpoint)["global_step"]
    return factory(**arguments)


def _record(run: Run, recorded: Config, data: pl.LightningDataModule) -> None:
    OmegaConf.save(OmegaConf.create(recorded), run.folder.config)
    earlier = OmegaConf.load(run.folder.overrides) if run.folder.overrides.exists() else []
    OmegaConf.save(OmegaConf.create([*earlier, *run.overrides]), run.folder.overrides)
    write_json(run.folder.environment, environment(data.fingerprint()))


def _whole_number(seed: Any) -> int:
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**32:
        raise UserError(f"seed={seed} is not a whole number from 0 to {2**32 - 1}")
    return seed


def _check_budget(trainer: Config) -> None:
    if trainer["max_steps"] == -1 and trainer["max_epochs"] == -1 and trainer["max_time"] is None:
        raise UserError(
            "the run would never end; set trainer.max_steps, trainer.max_epochs or trainer.max_time"
        )
