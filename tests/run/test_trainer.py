"""Lightning's trainer gets what the configuration says, and is not asked for what it would take without a word."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.demos.boring_classes import BoringModel
from torch.utils.data import DataLoader

from throughtime.callback.hyperparameters import Hyperparameters
from throughtime.config.flat_config import flat
from throughtime.errors import UserError
from throughtime.run.checkpoint import AtomicCheckpointIO
from throughtime.run.folder import RunFolder
from throughtime.run.trainer import (
    STEP_HOOKS,
    NoProfiler,
    build_trainer,
    check_devices,
    check_trainer,
    drop_empty_step_hooks,
    duration_of,
)

Configuration = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainer.max_steps=-1", "would never end"),
        ("trainer.val_check_interval=0", r"trainer\.val_check_interval must be above 0"),
        ("trainer.accumulate_grad_batches=0", r"trainer\.accumulate_grad_batches must be above 0"),
        ("trainer.gradient_clip_val=-1", r"trainer\.gradient_clip_val must be above 0"),
        (
            "trainer.gradient_clip_algorithm=size",
            r"trainer\.gradient_clip_algorithm=size is not known; choose one of: norm, value",
        ),
        ("+trainer.strategy=fsdp", r"trainer\.strategy=fsdp is not known; choose one of: auto, ddp"),
        (
            "+trainer.num_nodes=2",
            r"trainer\.num_nodes=2: start one process a device on each machine, by torchrun or srun",
        ),
    ],
)
def test_what_lightning_takes_silently_is_refused(
    override: str, message: str, configuration: Configuration
) -> None:
    with pytest.raises(UserError, match=message):
        check_trainer(configuration(override)["trainer"])


def test_a_gpu_that_is_not_there_is_told(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = configuration("trainer=gpu", "trainer.max_steps=1")["trainer"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=r"trainer\.accelerator=gpu, but PyTorch finds no GPU"):
        check_trainer(trainer)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    check_trainer(trainer)


def test_a_run_ends_by_steps_epochs_or_time(configuration: Configuration) -> None:
    check_trainer(configuration("trainer.gradient_clip_val=null")["trainer"])
    for budget in ("max_epochs=2", "max_time=00:00:01:00"):
        check_trainer(configuration("trainer.max_steps=-1", f"trainer.{budget}")["trainer"])


@pytest.mark.parametrize(
    ("typed", "seconds"), [(None, None), (5, 5), (0.5, 0.5), ("01:02:03:04", 93784), ("00:00:00:01", 1)]
)
def test_a_time_is_a_duration_or_a_number_of_seconds(typed: Any, seconds: float | None) -> None:
    duration = duration_of(typed)
    assert (duration and duration.total_seconds()) == seconds


@pytest.mark.parametrize(
    "typed", ["abc", "5", "00:00:00:00", 0, -1, 1e300, float("inf"), True, [1], {"a": 1}]
)
def test_what_is_no_time_is_told(typed: Any) -> None:
    with pytest.raises(UserError, match=r"trainer\.max_time=.* is no time; give DD:HH:MM:SS"):
        duration_of(typed)


def test_a_run_without_checkpoints_is_refused(configuration: Configuration, tmp_path: Path) -> None:
    for override in ("~callback.checkpoint", "callback.checkpoint=null"):
        with pytest.raises(UserError, match=r"callback\.checkpoint is missing"):
            build_trainer(configuration(override), RunFolder(tmp_path), AtomicCheckpointIO({}), None)


def test_a_callback_that_is_null_is_left_out_and_hyperparameters_get_the_whole_configuration(
    configuration: Configuration, tmp_path: Path
) -> None:
    config = configuration("callback.speed=null", "trainer.accelerator=cpu", "logger=none")
    trainer = build_trainer(config, RunFolder(tmp_path), AtomicCheckpointIO({}), None)
    names = {type(callback).__name__ for callback in trainer.callbacks}
    assert "Speed" not in names and {"Checkpoint", "Progress", "FinalValidation"} <= names
    (hyperparameters,) = (part for part in trainer.callbacks if isinstance(part, Hyperparameters))
    assert hyperparameters.values["cell.hidden_size"] == config["cell"]["hidden_size"]
    assert list(tmp_path.iterdir()) == []


def test_without_a_profiler_nothing_is_recorded_and_with_one_everything_is(
    configuration: Configuration, tmp_path: Path
) -> None:
    plain = build_trainer(configuration("logger=none"), RunFolder(tmp_path), AtomicCheckpointIO({}), None)
    assert isinstance(plain.profiler, NoProfiler)
    with plain.profiler.profile("action") as name:
        assert name == "action"
    with pytest.raises(ZeroDivisionError), plain.profiler.profile("action"):
        _ = 1 / 0
    config = configuration("logger=none", "debug=profile")
    profiled = build_trainer(config, RunFolder(tmp_path), AtomicCheckpointIO({}), None)
    with profiled.profiler.profile("action"):
        pass
    assert list(profiled.profiler.recorded_durations) == ["action"]


def test_flat_keys_lead_back_to_their_values(configuration: Configuration) -> None:
    config = configuration()
    for key, value in flat(config).items():
        found = config
        for part in key.split("."):
            found = found[part]
        assert found == value and (not isinstance(value, dict))


class Norms(Callback):
    """The norm of the gradient as the optimiser meets it."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_before_zero_grad(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        gradients = [parameter.grad for parameter in pl_module.parameters() if parameter.grad is not None]
        if gradients:
            self.seen.append(float(torch.nn.utils.get_total_norm(gradients)))


def test_the_gradient_is_clipped_by_default(
    configuration: Configuration, small: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An IRNN with a large readout has gradients far above the norm that they are clipped to."""
    from throughtime.run.build import build_data, build_task

    monkeypatch.setenv("THROUGHTIME_CACHE", str(tmp_path / "cache"))
    config = configuration(*small, "cell=irnn", "trainer.max_steps=5", "logger=none")
    data = build_data(config)
    task = build_task(config, data.artifacts())
    with torch.no_grad():
        for parameter in task.head.parameters():
            parameter.mul_(30)
    folder = RunFolder(tmp_path / "run")
    folder.claim()
    trainer = build_trainer(config, folder, AtomicCheckpointIO({}), None)
    trainer.callbacks.append(norms := Norms())
    trainer.fit(task, datamodule=data)
    assert len(norms.seen) >= 4
    assert max(norms.seen) == pytest.approx(1.0, abs=1e-4)
    assert float(trainer.callback_metrics["gradient/norm"]) > 1


@pytest.mark.parametrize(
    ("trainer", "batch_size", "message"),
    [
        ({"strategy": "auto", "devices": 2}, 8, r"trainer\.devices=2 are 2 devices; trainer=ddp"),
        ({"devices": "auto"}, 8, "trainer=ddp trains on more than one"),
        ({"strategy": "ddp", "devices": 2}, 1, r"data\.batch_size=1 is divided among 2 processes"),
    ],
)
def test_more_devices_than_can_be_used_are_refused(
    trainer: dict[str, Any], batch_size: int, message: str
) -> None:
    config = {"trainer": trainer, "data": {"batch_size": batch_size}}
    check_devices(1, config)
    with pytest.raises(UserError, match=message):
        check_devices(2, config)


def test_only_the_hooks_of_a_step_that_do_something_are_called() -> None:
    called = []

    class Counter(Callback):
        def on_train_batch_end(self, *_: Any) -> None:
            called.append("end")

    class Longer(Counter):
        pass

    for callback in (Counter(), Longer()):
        callback.on_before_backward = lambda *_: called.append("backward")
        drop_empty_step_hooks(callback)
        kept = {name for name in STEP_HOOKS if callable(getattr(callback, name))}
        assert kept == {"on_train_batch_end", "on_before_backward"}
        trainer = pl.Trainer(
            max_steps=2,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            limit_val_batches=0,
            callbacks=[callback],
        )
        trainer.fit(BoringModel(), DataLoader(torch.ones(2, 32)))
        assert called == ["backward", "end"] * 2
        called.clear()
