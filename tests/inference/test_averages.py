"""An average of the weights is used like the weights, from the checkpoint alone."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from throughtime.errors import UserError
from throughtime.inference.load import load


@pytest.fixture(scope="module")
def averaged(command_in: Callable, small: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that keeps both averages; its head shares a matrix with its embedding."""
    home = tmp_path_factory.mktemp("averaged")
    options = (
        "callback.ema.decay=0.9",
        "callback.average.count=2",
        "head.tied=true",
        "optim.optimizer.lr=0.05",
    )
    finished = command_in(home)("train.py", *small, *options, "hydra.run.dir=run")
    assert finished.returncode == 0, finished.stderr
    return home / "run"


@pytest.mark.parametrize("name", ["ema", "average"])
def test_the_weights_are_the_mean_of_those_that_the_checkpoint_holds(averaged: Path, name: str) -> None:
    kept = torch.load(averaged / "checkpoints" / "best.ckpt", weights_only=True)["averages"][name]
    assert len(kept) == {"ema": 1, "average": 2}[name]
    task = load(averaged, name).task
    for part, weight in task.named_parameters():
        torch.testing.assert_close(weight, sum(weights[part] for weights in kept) / len(kept))
    assert task.head.weight is task.model.front.weight
    assert not torch.equal(task.head.weight, load(averaged).task.head.weight)


def test_scripts_take_them(averaged: Path, command) -> None:
    measured = {
        name: command("scripts/evaluate.py", averaged, "--weights", name).stdout
        for name in ("raw", "ema", "average")
    }
    assert measured["raw"] == command("scripts/evaluate.py", averaged).stdout
    assert len(set(measured.values())) == 3 and all("test/bpc" in text for text in measured.values())
    written = [
        command("scripts/generate.py", averaged, "--length", "200", "--seed", "1", "--weights", name).stdout
        for name in ("raw", "ema")
    ]
    assert written[0] != written[1]


def test_a_checkpoint_without_them_says_so(trained, command) -> None:
    with pytest.raises(UserError, match=r"weights=average: the checkpoint holds no such average.*count=5"):
        load(trained.run, "average")
    finished = command("scripts/evaluate.py", trained.run, "--weights", "ema")
    assert finished.returncode == 2
    assert finished.stderr == (
        "error: weights=ema: the checkpoint holds no such average; a run keeps one with "
        "callback.ema.decay=0.999\n"
    )
    with pytest.raises(UserError, match="weights=best is not known"):
        load(trained.run, "best")
