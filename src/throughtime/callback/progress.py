"""Progress display of a run on the terminal."""

import time
from collections.abc import Callable
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import ProgressBar, Timer
from rich.console import Console

from throughtime.callback.display import Bar, PlainLines, Snapshot
from throughtime.callback.speed import speed_metric, speed_unit
from throughtime.errors import check_positive


class Progress(ProgressBar):
    """Show a bar on a terminal; elsewhere print a line at intervals, and one for each validation and test.

    Shows the step, the time elapsed and remaining, the training loss and the speed; at a validation the loss and the
    monitored metric. Metrics are read, which waits for the device, only when something is drawn. The sanity
    check is not shown.

    Args:
        every_n_seconds: time between two lines of training where there is no terminal.
        redraw_every_n_seconds: time between two updates of the bar.
        console: where to write; the standard output.
        clock: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        every_n_seconds: float = 10.0,
        redraw_every_n_seconds: float = 0.25,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        check_positive(every_n_seconds=every_n_seconds, redraw_every_n_seconds=redraw_every_n_seconds)
        super().__init__()
        self.console = Console() if console is None else console
        self.interval = redraw_every_n_seconds if self.console.is_terminal else every_n_seconds
        self.clock = clock
        self._display: Bar | PlainLines | None = None
        self._enabled = True
        self._total: int | None = None
        self._started = self._shown = 0.0
        self._first_fraction = 0.0

    def disable(self) -> None:
        self._enabled = False

    def enable(self) -> None:
        self._enabled = True

    def print(self, *args: Any, **kwargs: Any) -> None:
        self.console.print(*args, **kwargs)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        steps = trainer.estimated_stepping_batches
        self._total = int(steps) if 0 < steps < float("inf") else None
        self._open()
        self._first_fraction = self._fraction(trainer) or 0.0

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        if self._display is not None and self.clock() - self._shown >= self.interval:
            self._show("training", ("train/loss", speed_metric(speed_unit(trainer))))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.sanity_checking:
            self._show_stage("validation", "val/", pl_module)

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._open()

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._show_stage("testing", "test/", pl_module)

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        self._close()

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self._close()

    def _open(self) -> None:
        self._close()
        if self._enabled:
            self._display = Bar(self.console) if self.console.is_terminal else PlainLines(self.console)
        self._started = self._shown = self.clock()

    def _close(self) -> None:
        if self._display is not None:
            self._display.close()
            self._display = None

    def _show_stage(self, phase: str, prefix: str, pl_module: pl.LightningModule) -> None:
        """Show the monitored metric and the loss; the summary of the run has the others."""
        self._show(phase, (prefix + pl_module.monitor.partition("/")[2], f"{prefix}loss"))

    def _show(self, phase: str, names: tuple[str, ...]) -> None:
        if self._display is None:
            return
        self._shown = self.clock()
        known = self.trainer.callback_metrics
        elapsed, fraction = self._shown - self._started, self._fraction(self.trainer)
        self._display.show(
            Snapshot(
                phase=phase,
                step=self.trainer.global_step,
                total=self._total,
                fraction=fraction,
                elapsed=elapsed,
                remaining=self._remaining(elapsed, fraction),
                metrics={name: float(known[name]) for name in dict.fromkeys(names) if name in known},
            )
        )

    def _fraction(self, trainer: pl.Trainer) -> float | None:
        """The share of the run that is done: of its steps or of its time, whichever ends it first."""
        shares = []
        if self._total is not None:
            shares.append(trainer.global_step / self._total)
        timer = next((callback for callback in trainer.callbacks if isinstance(callback, Timer)), None)
        if timer is not None and timer.time_remaining() is not None:
            gone, left = timer.time_elapsed(), max(timer.time_remaining(), 0.0)
            shares.append(gone / (gone + left) if gone + left > 0 else 1.0)
        return min(max(shares), 1.0) if shares else None

    def _remaining(self, elapsed: float, fraction: float | None) -> float | None:
        """Seconds to the end at the speed of this process; a resumed run began at its checkpoint, not at step 0."""
        done = (fraction or 0.0) - self._first_fraction
        return elapsed * (1 - fraction) / done if done > 0 and fraction < 1 else None
