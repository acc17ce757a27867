"""A run shows where it stands, on a terminal and elsewhere."""

import io
import itertools

import pytest
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import ProgressBar
from rich.console import Console

from throughtime.callback.progress import Progress
from throughtime.callback.speed import Speed
from throughtime.errors import UserError


def progress(terminal: bool = False, tick: float = 1.0, **arguments) -> tuple[Progress, io.StringIO]:
    """A progress whose clock moves by `tick` seconds whenever it is read."""
    file = io.StringIO()
    ticks = itertools.count(0, tick)
    console = Console(file=file, force_terminal=terminal, width=200)
    return Progress(console=console, clock=lambda: float(next(ticks)), **arguments), file


class StopAt(Callback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, trainer, *_):
        trainer.should_stop = trainer.global_step >= self.step


def test_a_line_for_each_interval_and_each_validation(fit):
    shown, file = progress(every_n_seconds=1.0)
    fit(shown, Speed())
    lines = file.getvalue().splitlines()
    training = [line for line in lines if line.startswith("training")]
    validation = [line for line in lines if line.startswith("validation")]
    assert len(training) == 12 and len(validation) == 3 and len(lines) == 15
    assert all("val/bpc" in line and "val/loss" in line for line in validation)
    assert all("train/loss" in line for line in training)
    assert "12/12 (100%)" in lines[-1]
    assert "tokens/s" in training[-1]


def test_validations_alone_are_shown_where_an_interval_is_long(fit):
    shown, file = progress(tick=0.0)
    fit(shown)
    assert [line.split()[0] for line in file.getvalue().splitlines()] == ["validation"] * 3


def test_the_sanity_check_is_not_shown(fit):
    shown, file = progress(tick=0.0)
    fit(shown, num_sanity_val_steps=2, limit_val_batches=2, val_check_interval=12)
    assert len(file.getvalue().splitlines()) == 1


def test_a_terminal_gets_a_bar_and_no_trace_of_lightnings(fit):
    shown, file = progress(terminal=True)
    trainer = fit(shown, test=True)
    assert trainer.progress_bar_callback is shown
    assert sum(isinstance(callback, ProgressBar) for callback in trainer.callbacks) == 1
    assert "12/12" in file.getvalue() and "test/bpc" in file.getvalue()


def test_a_test_is_shown_with_its_metrics(fit):
    shown, file = progress(tick=0.0)
    fit(shown, test=True)
    last = file.getvalue().splitlines()[-1]
    assert last.startswith("testing") and "test/loss" in last and "test/bpc" in last


def test_the_time_left_is_at_the_pace_so_far(fit):
    """The clock is read twice a step: to see whether a line is due, and to write it."""
    shown, file = progress(every_n_seconds=1.0)
    fit(shown, limit_val_batches=0)
    lines = file.getvalue().splitlines()
    assert "0:12, 0:12 left" in lines[5]
    assert "left" not in lines[-1]


def test_a_run_that_time_ends_shows_its_share_of_the_time(fit):
    shown, file = progress(every_n_seconds=1.0)
    fit(shown, StopAt(3), max_steps=-1, max_epochs=-1, max_time="01:00:00:00", limit_val_batches=0)
    assert "3 (0%)" in file.getvalue() and "left" in file.getvalue()


def test_a_run_without_an_end_has_no_share(fit):
    shown, file = progress(every_n_seconds=1.0)
    fit(shown, StopAt(5), max_steps=-1, max_epochs=-1, limit_val_batches=0)
    assert "training  5  " in file.getvalue() and "%" not in file.getvalue() and "left" not in file.getvalue()


@pytest.mark.parametrize("terminal", [False, True])
def test_a_failure_leaves_the_terminal_in_order(fit, task, terminal):
    def fail(*_):
        raise RuntimeError("broken")

    shown, file = progress(terminal=terminal)
    task.training_step = fail
    with pytest.raises(RuntimeError, match="broken"):
        fit(shown)
    assert file.getvalue().count("\x1b[?25l") == file.getvalue().count("\x1b[?25h")


def test_disabled_it_says_nothing(fit):
    shown, file = progress()
    shown.disable()
    fit(shown)
    assert file.getvalue() == ""


def test_an_interval_of_nought_is_refused():
    with pytest.raises(UserError, match="every_n_seconds"):
        Progress(every_n_seconds=0.0)
