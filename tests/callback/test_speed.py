"""Speed is targets over training time, and validation is none."""

import lightning.pytorch as pl
import pytest
from lightning.pytorch import Callback

from throughtime.callback.speed import Speed, speed_metric, speed_unit
from throughtime.data.base import DataModule


class Seconds(Callback):
    """A clock that only this callback moves: forward in training, in validation, and after it."""

    def __init__(self, training: float, validation: float) -> None:
        self.now = 100.0
        self.training, self.validation = training, validation

    def clock(self) -> float:
        return self.now

    def on_before_optimizer_step(self, *_):
        self.now += self.training

    def on_validation_batch_end(self, *_):
        self.now += self.validation

    def on_validation_end(self, *_):
        self.now += self.validation


@pytest.mark.parametrize("validation", [0.0, 50.0])
@pytest.mark.parametrize("every", [1, 2, 3])
def test_tokens_per_second_of_training_time_whatever_validation_takes(fit, scalars, validation, every):
    seconds = Seconds(training=0.5, validation=validation)
    fit(Speed(seconds.clock), seconds, log_every_n_steps=every)
    assert scalars("speed/tokens_per_second") == pytest.approx([5 / 0.5] * (12 // every))


def test_accumulated_batches_count_as_much_as_they_hold(fit, scalars):
    seconds = Seconds(training=0.5, validation=1.0)
    fit(Speed(seconds.clock), seconds, accumulate_grad_batches=3, max_steps=4, log_every_n_steps=1)
    assert scalars("speed/tokens_per_second") == pytest.approx([3 * 5 / 0.5] * 4)


def test_tokens_of_an_earlier_part_of_the_run_do_not_count(fit, task, scalars):
    task.targets_seen = 10_000
    seconds = Seconds(training=0.5, validation=1.0)
    fit(Speed(seconds.clock), seconds)
    assert max(scalars("speed/tokens_per_second")) == pytest.approx(10)


def test_the_unit_is_that_of_the_data():
    class Frames(DataModule):
        unit = "frames"
        restore = setup = artifacts = loader = describe = fingerprint = sizes = None

    trainer = pl.Trainer(logger=False)
    assert speed_metric(speed_unit(trainer)) == "speed/tokens_per_second"
    trainer.datamodule = Frames()
    assert speed_metric(speed_unit(trainer)) == "speed/frames_per_second"


def test_no_logger_is_no_hindrance(fit):
    assert "speed/tokens_per_second" in fit(Speed(), logger=False).callback_metrics
    fit(Speed(), log_every_n_steps=0)
