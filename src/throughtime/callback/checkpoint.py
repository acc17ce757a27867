"""Checkpoints of a run: saved at steps and validations from which it resumes exactly, and when a signal stops it.

A checkpoint is taken either at the end of a training step after which no validation is due, or at the end of a
validation. Lightning restores both to the very next step; one taken between a step and its validation would lose the
validation. Three files lie in the folder: `best.ckpt` by the monitored metric, `last.ckpt`, and `previous.ckpt`, the
one before it, in case the last is damaged. Where one cannot be written (a full disk) a warning says so, and the next
save tries again; the run fails only where the end of training cannot be saved. Weights that are not finite are never
written.
"""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch import callbacks
from torch import Tensor

from throughtime.callback.checkpoint_files import check_folder, has_finite_weights, write_best, write_last
from throughtime.distributed.collectives import all_gather, all_max, rank
from throughtime.errors import Diverged, Interrupted, Unavailable, UserError, check_positive
from throughtime.signals import leave_closed_terminal, stopping_signals


class Checkpoint(callbacks.Checkpoint):
    """Save the best and the last state of a run, and within `answering_signals` where a signal asks it to stop.

    Args:
        every_n_seconds: time between two saves of the last state; each validation saves in addition.
        every_n_steps: steps between two saves; None for time alone.

    Attributes:
        best, best_step: the best value of the monitored metric, and the optimiser step that gave it.
        trained: whether a first batch is over; a checkpoint that training goes on from is restored and used by then.
    """

    def __init__(self, every_n_seconds: float = 30.0, every_n_steps: int | None = None) -> None:
        check_positive(every_n_seconds=every_n_seconds)
        if every_n_steps is not None:
            check_positive(every_n_steps=every_n_steps)
        self.every_n_seconds = every_n_seconds
        self.every_n_steps = every_n_steps
        self.best: float | None = None
        self.best_step: int | None = None
        self.trained = False
        self._signal: int | None = None
        self._answering = False
        self._started_at: float | None = None
        self._earlier_seconds = 0.0
        self._saved_at = 0.0
        self._random: dict[str, Any] | None = None

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if stage == "fit":
            self._started_at = self._saved_at = time.monotonic()
            if rank() > 0:  # weights are alike on all ranks, but each draws dropout masks of its own
                seeds = np.random.SeedSequence((torch.initial_seed(), rank()))
                torch.manual_seed(int(seeds.generate_state(1, np.uint64)[0]))

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self._earlier_seconds, self._started_at = self.seconds, None

    @contextmanager
    def answering_signals(self) -> Iterator[None]:
        """Inside this block a signal to stop lets the step or the validation end, saves, and raises `Interrupted`."""
        before = {number: signal.signal(number, self._note_signal) for number in stopping_signals()}
        self._answering = True
        try:
            yield
        finally:
            self._answering = False
            for number, handler in before.items():
                signal.signal(number, handler)

    def on_sanity_check_start(self, trainer: pl.Trainer, *_: Any) -> None:
        self._reinstall_handler(trainer)

    def on_train_start(self, trainer: pl.Trainer, *_: Any) -> None:
        self._reinstall_handler(trainer)

    def on_test_start(self, trainer: pl.Trainer, *_: Any) -> None:
        self._reinstall_handler(trainer)

    def _reinstall_handler(self, trainer: pl.Trainer) -> None:
        """Replace the handler that Lightning wraps around ours, which would end a validation in its middle, unsaved."""
        if self._answering:
            signal.signal(signal.SIGTERM, self._note_signal)
            trainer._signal_connector.received_sigterm = False

    def _note_signal(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            leave_closed_terminal()
        if self._signal is not None:  # the second one does not wait for a step to end
            raise Interrupted(number)
        self._signal = number

    @property
    def seconds(self) -> float:
        """Seconds of training, including those of earlier processes up to the checkpoint that was resumed."""
        since = 0.0 if self._started_at is None else time.monotonic() - self._started_at
        return self._earlier_seconds + since

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        if self._random is not None:
            set_random_state(self._random)
            self._random = None

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        self.trained = True
        if trainer.fit_loop.epoch_loop._should_accumulate() or self._validation_is_due(trainer):
            return
        number = self._agreed_signal(trainer)
        if number or all_max(int(self._save_is_due(trainer)), trainer.strategy.root_device):
            self._save_last(trainer)
        self._raise_interrupted(number)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.state.fn == "fit" and trainer.is_global_zero:
            check_folder(trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking or trainer.state.fn != "fit":
            return
        value = trainer.callback_metrics.get(pl_module.monitor)
        if value is not None and self._is_better(float(value), pl_module.mode):
            before = self.best, self.best_step
            self.best, self.best_step = float(value), trainer.global_step
            if write_best(trainer) is not None:
                self.best, self.best_step = before
        if (
            not trainer.fit_loop.epoch_loop._should_accumulate()
        ):  # no checkpoint holds a half-accumulated gradient
            self._save_last(trainer)
            self._raise_interrupted(self._agreed_signal(trainer))

    def on_test_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        self._raise_interrupted(self._agreed_signal(trainer))  # the end of training is saved

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        problem = self._save_last(trainer)
        if problem is not None:
            kind = Unavailable if has_finite_weights(pl_module) else UserError
            raise kind(f"{problem}; the end of training is lost; resume= continues from the last checkpoint")

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        if isinstance(exception, Diverged):  # its weights are those of the last step that was taken
            self._save_last(trainer)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint["metrics"] = latest_metrics(trainer)  # a resumed run may end without logging them again
        checkpoint["random"], *others = all_gather(random_state())
        if others:
            checkpoint["random_of_other_ranks"] = others

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        states = [checkpoint["random"], *checkpoint.get("random_of_other_ranks", [])]
        if rank() < len(states):
            self._random = states[rank()]

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "best_step": self.best_step, "seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best, self.best_step = state_dict["best"], state_dict["best_step"]
        self._earlier_seconds = state_dict["seconds"]

    def _is_better(self, value: float, mode: str) -> bool:
        if not np.isfinite(value):
            return False
        return self.best is None or (value < self.best if mode == "min" else value > self.best)

    def _save_is_due(self, trainer: pl.Trainer) -> bool:
        if self.every_n_steps is not None and trainer.global_step % self.every_n_steps == 0:
            return True
        return time.monotonic() - self._saved_at >= self.every_n_seconds

    @staticmethod
    def _validation_is_due(trainer: pl.Trainer) -> bool:
        loop = trainer.fit_loop
        return loop.epoch_loop._should_check_val_fx(loop._data_fetcher)

    def _save_last(self, trainer: pl.Trainer) -> str | None:
        problem = write_last(trainer)
        self._saved_at = time.monotonic()
        return problem

    def _agreed_signal(self, trainer: pl.Trainer) -> int:
        """The signal that any rank has received, so that all ranks save and stop at one step; 0 for none."""
        return all_max(self._signal or 0, trainer.strategy.root_device)

    @staticmethod
    def _raise_interrupted(number: int) -> None:
        if number:
            raise Interrupted(number)


class FinalValidation(callbacks.Callback):
    """Validate at the last step of a run, so that the last weights can be the best.

    Lightning validates where it is asked to stop, and only then.
    """

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if 0 <= trainer.max_steps <= trainer.global_step or self._ends_last_epoch(trainer):
            trainer.should_stop = True

    @staticmethod
    def _ends_last_epoch(trainer: pl.Trainer) -> bool:
        last_epoch = trainer.max_epochs is not None and 0 < trainer.max_epochs <= trainer.current_epoch + 1
        return last_epoch and trainer.fit_loop.epoch_loop._num_ready_batches_reached()


def latest_metrics(trainer: pl.Trainer) -> dict[str, float]:
    """The latest value of every metric."""
    return {name: float(value) for name, value in trainer.callback_metrics.items() if name != "step"}


def random_state() -> dict[str, Any]:
    """The states of the random generators of training, as tensors: torch on the CPU and on this rank's GPU."""
    return {
        "cpu": torch.get_rng_state(),
        "cuda": [torch.cuda.get_rng_state()] if torch.cuda.is_available() else [],
    }


def set_random_state(state: dict[str, Tensor | list[Tensor]]) -> None:
    """Restore the states that `random_state` returned."""
    torch.set_rng_state(state["cpu"].cpu())
    if state["cuda"]:
        torch.cuda.set_rng_state(state["cuda"][0].cpu())
