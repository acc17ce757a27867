"""Lightning's trainer for one run, with the callbacks, the logger and the way to the disk that belong to it."""

from collections.abc import Mapping
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric.plugins.environments import ClusterEnvironment
from lightning.pytorch.loggers import Logger, TensorBoardLogger

from throughtime.callback.checkpoint import Checkpoint
from throughtime.callback.final_validation import FinalValidation
from throughtime.callback.hyperparameters import Hyperparameters
from throughtime.config.flat_config import flat
from throughtime.config.instantiate import instantiate
from throughtime.distributed.launcher import SingleNodeEnvironment
from throughtime.errors import UserError, check_choice, check_positive
from throughtime.run.build import Config
from throughtime.run.checkpoint import AtomicCheckpointIO
from throughtime.run.folder import RunFolder

STRATEGIES = ("auto", "ddp", "ddp_find_unused_parameters_true")
TENSORBOARD = "lightning.pytorch.loggers.TensorBoardLogger"


def build_trainer(
    config: Config,
    folder: RunFolder,
    saving: AtomicCheckpointIO,
    resumed_step: int | None,
    place: ClusterEnvironment | None = None,
) -> pl.Trainer:
    """The trainer that the configuration describes.

    Args:
        config: the whole configuration.
        folder: where everything of this run goes.
        saving: how checkpoints are written and read.
        resumed_step: the optimiser steps of the checkpoint that the run goes on from; None for a new run.
        place: which of the run's processes this is; None for the only one.

    Raises:
        UserError: a value that the trainer, a callback or the logger objects to.
    """
    callbacks = [part for part in instantiate(config["callback"], "callback").values() if part is not None]
    if not any(isinstance(callback, Checkpoint) for callback in callbacks):
        raise UserError("callback.checkpoint is missing; a run without checkpoints would have no result")
    for callback in callbacks:
        if isinstance(callback, Hyperparameters):
            callback.values = flat(config)
    settings = dict(config["trainer"])
    profiler = settings.pop("profiler", None)
    if isinstance(profiler, Mapping):
        profiler = instantiate(profiler, "trainer.profiler", dirpath=str(folder.path), filename="profile")
    return instantiate(
        settings,
        "trainer",
        profiler=profiler,
        default_root_dir=str(folder.path),
        logger=_build_logger(config, folder, resumed_step) or False,
        callbacks=[*callbacks, FinalValidation()],
        plugins=[saving, place or SingleNodeEnvironment()],
        enable_model_summary=False,
    )


def _build_logger(config: Config, folder: RunFolder, resumed_step: int | None) -> Logger | None:
    if not config.get("logger"):
        return None
    arguments: dict[str, Any] = {"save_dir": str(folder.path), "name": "", "version": ""}
    if config["logger"]["_target_"] == TENSORBOARD:
        # What was logged after the checkpoint will be logged again. A new run says so too: TensorBoard heeds only
        # the second and later ones that it meets.
        arguments["purge_step"] = 0 if resumed_step is None else resumed_step + 1
    logger = instantiate(config["logger"], "logger")(**arguments)
    if isinstance(logger, TensorBoardLogger):
        # Lightning writes the (empty) hyperparameters of its own unless their file exists; ours is config.yaml.
        logger.NAME_HPARAMS_FILE = folder.config.name
    return logger


def check_trainer(trainer: Config) -> None:
    """Raise `UserError` for what Lightning takes without a word, or takes further than this framework goes."""
    check_choice(STRATEGIES, **{"trainer.strategy": trainer.get("strategy", "auto")})
    if trainer.get("num_nodes", 1) != 1:
        raise UserError(
            "trainer.num_nodes is not for this framework: a run trains on the devices of one machine"
        )
    if trainer["accelerator"] in ("gpu", "cuda") and not torch.cuda.is_available():
        raise UserError(
            f"trainer.accelerator={trainer['accelerator']}, but PyTorch finds no GPU here; leave trainer=gpu out, "
            "or set trainer.accelerator=cpu"
        )
    if trainer["max_steps"] == -1 and trainer["max_epochs"] == -1 and trainer["max_time"] is None:
        raise UserError(
            "the run would never end; set trainer.max_steps, trainer.max_epochs or trainer.max_time"
        )
    for name in ("val_check_interval", "accumulate_grad_batches", "gradient_clip_val"):
        if isinstance(trainer.get(name), int | float):
            check_positive(**{f"trainer.{name}": trainer[name]})
