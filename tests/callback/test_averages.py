"""Averages are what their formulas say, leave training alone, and go on exactly from a checkpoint."""

from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback

from throughtime.callback.averages import CheckpointAverage, ExponentialAverage, weights_of
from throughtime.callback.checkpoint import Checkpoint
from throughtime.errors import UserError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Path:
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


class Course(Callback):
    """The weights before the first step, and after each batch."""

    def __init__(self) -> None:
        self.seen = []

    def on_train_start(self, trainer, pl_module):
        self.seen.append(weights_of(pl_module))

    def on_train_batch_end(self, trainer, pl_module, *_):
        self.seen.append(weights_of(pl_module))


def read(path: Path) -> dict:
    return torch.load(path, weights_only=True)


def assert_same(first: dict, second: dict) -> None:
    assert first.keys() == second.keys()
    for name in first:
        torch.testing.assert_close(first[name], second[name])


@pytest.mark.parametrize("decay", [0.0, 0.3, 0.999])
def test_the_exponential_average_is_that_of_the_weights_after_each_step(fit, folder, decay):
    course = Course()
    fit(course, ExponentialAverage(decay), Checkpoint(), logger=False)
    expected, *later = course.seen
    for n, weights in enumerate(later, start=1):
        share = min(decay, (1 + n) / (10 + n))
        expected = {name: share * old + (1 - share) * weights[name] for name, old in expected.items()}
    (average,) = read(folder / "last.ckpt")["averages"]["ema"]
    assert_same(average, expected)


def test_gathered_chunks_make_one_step_of_the_average(fit, folder):
    course = Course()
    fit(course, ExponentialAverage(0.0), Checkpoint(), accumulate_grad_batches=3, max_steps=4, logger=False)
    average = ExponentialAverage(0.0)
    average.load_state_dict(read(folder / "last.ckpt")["callbacks"]["ExponentialAverage"])
    assert average.state_dict() == {"updates": 4}
    assert_same(read(folder / "last.ckpt")["averages"]["ema"][0], course.seen[-1])


@pytest.mark.parametrize("count", [1, 2, 9])
def test_the_last_checkpoints_are_those_of_the_last_validations(fit, folder, count):
    course = Course()
    fit(course, CheckpointAverage(count), Checkpoint(), logger=False)
    kept = read(folder / "last.ckpt")["averages"]["average"]
    steps = [4, 8, 12][-count:]
    assert len(kept) == len(steps)
    for weights, step in zip(kept, steps, strict=True):
        assert_same(weights, course.seen[step])


def test_training_and_what_is_measured_are_those_without(fit, task, folder, scalars):
    fit(Checkpoint(), logger=False)
    without = read(folder / "last.ckpt")
    torch.manual_seed(0)
    task.__init__()
    fit(ExponentialAverage(0.9), CheckpointAverage(2), Checkpoint(), logger=False)
    averaged = read(folder / "last.ckpt")
    assert "averages" not in without
    for name, weight in without["state_dict"].items():
        assert torch.equal(weight, averaged["state_dict"][name])


@pytest.mark.parametrize(
    "make", [lambda: ExponentialAverage(1.0), lambda: ExponentialAverage(-0.1), lambda: CheckpointAverage(0)]
)
def test_what_makes_no_average_is_refused(make):
    with pytest.raises(UserError, match=r"decay must be at least 0 and below 1|count must be above 0"):
        make()


def test_nothing_is_kept_where_it_was_not_asked_for(fit, folder):
    fit(ExponentialAverage(), CheckpointAverage(), Checkpoint(), logger=False)
    assert "averages" not in read(folder / "last.ckpt")
