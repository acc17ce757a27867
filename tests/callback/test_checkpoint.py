"""The best value is kept, the last state is never the only one, and a signal is answered after saving."""

import math
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback

from throughtime.callback.checkpoint import Checkpoint, FinalValidation, random_state, set_random_state
from throughtime.errors import Interrupted, UserError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Path:
    """A run's folder has a place for its checkpoints."""
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


class Value(Callback):
    """The monitored metric comes to one value after another."""

    def __init__(self, values: list[float]) -> None:
        self.values = iter(values)

    def on_validation_epoch_end(self, trainer, pl_module):
        if not trainer.sanity_checking:
            pl_module.log("val/bpc", next(self.values))


@pytest.mark.parametrize(
    ("mode", "values", "best", "step"),
    [
        ("min", [3.0, 1.0, 2.0], 1.0, 8),
        ("max", [3.0, 1.0, 2.0], 3.0, 4),
        ("min", [math.nan, 2.0, math.inf], 2.0, 8),
        ("max", [math.inf, 1.0, math.nan], 1.0, 8),
        ("min", [2.0, 2.0, 2.0], 2.0, 4),
    ],
)
def test_the_best_is_the_best_of_all_validations(fit, task, folder, mode, values, best, step):
    task.mode = mode
    task.validation_step = lambda batch, batch_idx: None
    checkpoint = Checkpoint()
    fit(Value(values), checkpoint, logger=False)
    assert (checkpoint.best, checkpoint.best_step) == (best, step)
    assert torch.load(folder / "best.ckpt", weights_only=True)["global_step"] == step


def test_the_one_before_the_last_is_kept(fit, folder):
    fit(
        Checkpoint(every_n_steps=5),
        logger=False,
        max_steps=11,
        val_check_interval=100,
        check_val_every_n_epoch=None,
    )
    steps = {path.name: torch.load(path, weights_only=True)["global_step"] for path in folder.iterdir()}
    assert steps == {"last.ckpt": 11, "previous.ckpt": 10}


def test_nothing_is_saved_by_steps_where_it_was_not_asked_for(fit, folder):
    fit(Checkpoint(every_n_seconds=1e6), logger=False, val_check_interval=100, check_val_every_n_epoch=None)
    assert [path.name for path in folder.iterdir()] == ["last.ckpt"]


class Send(Callback):
    """Sends this process a signal at one of Lightning's hooks."""

    def __init__(self, hook: str, number: int, times: int = 1) -> None:
        self.sent = 0

        def send(trainer, *_):
            sanity_check = trainer.sanity_checking and hook != "on_sanity_check_start"
            if self.sent < times and not sanity_check:
                self.sent += 1
                os.kill(os.getpid(), number)

        setattr(self, hook, send)


@pytest.fixture
def handlers() -> Iterator[None]:
    """Whatever happens, the handlers of before come back."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    yield
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def answering(fit, sender: Send, **arguments) -> int:
    """The signal that a fit was interrupted by."""
    checkpoint = Checkpoint()
    with pytest.raises(Interrupted) as caught, checkpoint.answering_signals():
        fit(sender, checkpoint, logger=False, **arguments)
    return caught.value.signal_number


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("hook", ["on_train_batch_start", "on_validation_start", "on_sanity_check_start"])
def test_a_signal_is_answered_after_saving(fit, folder, handlers, number, hook):
    assert answering(fit, Send(hook, number)) == number
    expected = 4 if hook == "on_validation_start" else 1
    assert torch.load(folder / "last.ckpt", weights_only=True)["global_step"] == expected


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_testing_is_answered_too(fit, folder, handlers, number):
    assert answering(fit, Send("on_test_batch_start", number), test=True) == number
    assert torch.load(folder / "last.ckpt", weights_only=True)["global_step"] == 12


def test_the_second_signal_does_not_wait(fit, folder, handlers):
    assert answering(fit, Send("on_validation_batch_start", signal.SIGTERM, times=2)) == signal.SIGTERM
    assert list(folder.iterdir()) == []


def test_signals_are_left_alone_outside_the_block(fit, handlers):
    fit(Checkpoint(), logger=False, test=True)


def test_random_numbers_go_on_where_they_were():
    state = random_state()
    first = torch.rand(3)
    set_random_state(state)
    assert torch.equal(first, torch.rand(3))


def test_the_time_of_training_adds_up_over_resumptions(fit):
    first = Checkpoint()
    fit(first, logger=False)
    second = Checkpoint()
    second.load_state_dict(first.state_dict())
    assert second.seconds == first.seconds > 0
    fit(second, logger=False)
    assert second.seconds > first.seconds


def test_intervals_are_above_0():
    for arguments in ({"every_n_seconds": 0.0}, {"every_n_steps": 0}):
        with pytest.raises(UserError, match="must be above 0"):
            Checkpoint(**arguments)


class Validations(Callback):
    """The steps at which the model was validated."""

    def __init__(self) -> None:
        self.steps: list[int] = []

    def on_validation_end(self, trainer, pl_module):
        if not trainer.sanity_checking:
            self.steps.append(trainer.global_step)


@pytest.mark.parametrize(
    ("arguments", "steps"),
    [
        ({"max_steps": 10}, [4, 8, 10]),
        ({"max_steps": 12}, [4, 8, 12]),
        ({"max_steps": 3}, [3]),
        ({"max_steps": 30, "check_val_every_n_epoch": None, "val_check_interval": 20}, [20, 30]),
        ({"max_steps": -1, "max_epochs": 1, "val_check_interval": 5}, [5, 10, 12]),
        (
            {"max_steps": -1, "max_epochs": 2, "check_val_every_n_epoch": None, "val_check_interval": 9},
            [9, 18, 24],
        ),
        ({"max_steps": 3, "accumulate_grad_batches": 2, "val_check_interval": 4}, [2, 3]),
    ],
)
def test_the_last_step_is_validated_once(fit, arguments, steps):
    validations = Validations()
    fit(FinalValidation(), validations, logger=False, **arguments)
    assert validations.steps == steps
