"""Lightning's trainer of one run, with its callbacks, loggers and checkpoint files."""

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric.plugins.environments import ClusterEnvironment
from lightning.pytorch.profilers import PassThroughProfiler

from throughtime.callback.checkpoint import Checkpoint, FinalValidation
from throughtime.callback.hyperparameters import Hyperparameters
from throughtime.config.flat_config import flat
from throughtime.config.instantiate import instantiate
from throughtime.distributed.launcher import SingleNodeEnvironment
from throughtime.distributed.place import external_place
from throughtime.distributed.strategy import StoreDDP
from throughtime.errors import UserError, check_choice, check_positive
from throughtime.run.build import Config
from throughtime.run.checkpoint import AtomicCheckpointIO
from throughtime.run.folder import RunFolder
from throughtime.run.loggers import build_loggers

STEP_HOOKS = (
    "on_train_batch_start",
    "on_before_zero_grad",
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
    "on_train_batch_end",
)
STRATEGIES = ("auto", "ddp", "ddp_find_unused_parameters_true")


class NoProfiler(PassThroughProfiler):
    """Profiler that measures nothing, in less time than Lightning's: a step has two hundred actions to be profiled."""

    def profile(self, action_name: str) -> AbstractContextManager[str]:
        return nullcontext(action_name)


def build_trainer(
    config: Config,
    folder: RunFolder,
    checkpoint_io: AtomicCheckpointIO,
    resumed_step: int | None,
    cluster: ClusterEnvironment | None = None,
) -> pl.Trainer:
    """The trainer that the configuration describes.

    Args:
        config: the whole configuration.
        folder: where everything of this run goes.
        checkpoint_io: writes and reads checkpoints.
        resumed_step: the optimiser steps of the checkpoint that the run goes on from; None for a new run.
        cluster: the rank of this process; None for a run of one process.

    Raises:
        UserError: a value that the trainer, a callback or a logger refuses.
    """
    callbacks = [part for part in instantiate(config["callback"], "callback").values() if part is not None]
    callbacks.append(FinalValidation())
    for callback in callbacks:
        drop_empty_step_hooks(callback)
    if not any(isinstance(callback, Checkpoint) for callback in callbacks):
        raise UserError("callback.checkpoint is missing; a run without checkpoints would have no result")
    for callback in callbacks:
        if isinstance(callback, Hyperparameters):
            callback.values = flat(config)
    settings = dict(config["trainer"])
    strategy = settings.pop("strategy", "auto")
    settings["max_time"] = duration_of(settings.get("max_time"))
    profiler = settings.pop("profiler", None)
    if isinstance(profiler, Mapping):
        profiler = instantiate(profiler, "trainer.profiler", dirpath=str(folder.path), filename="profile")
    return instantiate(
        settings,
        "trainer",
        strategy=_strategy(strategy),
        profiler=profiler or NoProfiler(),
        default_root_dir=str(folder.path),
        logger=build_loggers(config.get("logger"), folder, resumed_step),
        callbacks=callbacks,
        plugins=[checkpoint_io, cluster or SingleNodeEnvironment()],
        enable_model_summary=False,
    )


def drop_empty_step_hooks(callback: pl.Callback) -> None:
    """Set the hooks of a training step that a callback inherits, and that do nothing, to None.

    Lightning calls the hooks that are callable, each in about 4 µs: six a step of a dozen callbacks take as long as a
    tenth of a small model's step.
    """
    for name in STEP_HOOKS:
        inherited = getattr(type(callback), name, None) is getattr(pl.Callback, name)
        if inherited and name not in vars(callback):
            setattr(callback, name, None)


def _strategy(name: str) -> str | StoreDDP:
    """The strategy of a name in `STRATEGIES`."""
    if name == "auto":
        return name
    return StoreDDP(find_unused_parameters=True) if "find_unused" in name else StoreDDP()


def duration_of(max_time: Any) -> timedelta | None:
    """`trainer.max_time` as a duration: `DD:HH:MM:SS`, or a number of seconds.

    Raises:
        UserError: it is neither, or not above 0.
    """
    if max_time is None:
        return None
    found = re.fullmatch(r"(\d+):(\d+):(\d+):(\d+)", str(max_time))
    try:
        if found is not None:
            days, hours, minutes, seconds = map(int, found.groups())
            duration = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        elif isinstance(max_time, int | float) and not isinstance(max_time, bool):
            duration = timedelta(seconds=max_time)
        else:
            duration = timedelta(0)
    except (OverflowError, ValueError):  # more than 2.7 million years, or not a number
        duration = timedelta(0)
    if duration <= timedelta(0):
        raise UserError(
            f"trainer.max_time={max_time} is no time; give DD:HH:MM:SS, such as 00:01:30:00, or a number of seconds"
        )
    return duration


def check_devices(count: int, config: Config) -> None:
    """Raise `UserError` where more devices are asked for than the configuration can use.

    Args:
        count: the devices that Lightning has found for `trainer.devices`; each is a rank.
        config: the whole configuration.
    """
    if count == 1:
        return
    if config["trainer"].get("strategy", "auto") == "auto":
        trainer = config["trainer"]
        machines = f" trainer.num_nodes={trainer['num_nodes']}" if trainer.get("num_nodes", 1) != 1 else ""
        raise UserError(
            f"trainer.devices={trainer['devices']}{machines} are {count} devices; trainer=ddp trains on more than one"
        )
    batch_size = config["data"]["batch_size"]
    if batch_size < count:
        raise UserError(
            f"data.batch_size={batch_size} is divided among {count} processes; set it to {count} or more, or "
            "trainer.devices lower"
        )


def check_trainer(trainer: Config) -> None:
    """Raise `UserError` for settings that Lightning accepts silently, or that this framework does not support."""
    check_choice(STRATEGIES, **{"trainer.strategy": trainer.get("strategy", "auto")})
    duration_of(trainer.get("max_time"))
    nodes = trainer.get("num_nodes", 1)
    if nodes != 1 and external_place() is None:
        raise UserError(
            f"trainer.num_nodes={nodes}: start one process a device on each machine, by torchrun or srun "
            "(docs/scale.md), or set trainer.num_nodes=1"
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
    check_choice(
        ("norm", "value"),
        **{"trainer.gradient_clip_algorithm": trainer.get("gradient_clip_algorithm") or "norm"},
    )
    for name in ("val_check_interval", "accumulate_grad_batches", "gradient_clip_val"):
        if isinstance(trainer.get(name), int | float):
            check_positive(**{f"trainer.{name}": trainer[name]})
