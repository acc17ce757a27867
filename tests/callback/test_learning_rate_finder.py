"""The learning-rate test names where the loss falls fastest, and leaves no trace in the run."""

import csv
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from throughtime.callback.learning_rate_finder import LearningRateFinder, plot, steepest
from throughtime.errors import UserError

RATES = [10 ** (-6 + 6 * step / 99) for step in range(100)]


@pytest.mark.parametrize("fastest", [1e-4, 1e-2])
def test_the_rate_is_that_of_the_steepest_fall(fastest: float) -> None:
    """A loss that falls as a logistic curve of the logarithm of the rate is steepest at its middle."""
    losses = [3 / (1 + math.exp(4 * math.log10(rate / fastest))) for rate in RATES]
    assert steepest(RATES, losses) == pytest.approx(fastest, rel=0.1)
    then_rising = [loss if rate < 50 * fastest else 9.0 for rate, loss in zip(RATES, losses, strict=True)]
    assert steepest(RATES, then_rising) == steepest(RATES, losses)


def test_a_loss_that_never_falls_names_no_rate() -> None:
    assert steepest(RATES, [float(step) for step in range(100)]) is None
    assert steepest(RATES[:1], [1.0]) is None
    assert plot(RATES, [1.0] * 100, None).axes[0].get_xscale() == "log"


def checkpoint(run: Path) -> dict[str, Any]:
    return torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)


def test_a_run_after_the_test_is_the_run_without_it(
    command: Any, small: tuple[str, ...], tmp_path: Path
) -> None:
    settings = (
        *small,
        "model.layers.dropout=0.3",
        "data.random_offset=true",
        "task.horizon=24",
        "logger=none",
    )
    settings += ("trainer.max_steps=8", "trainer.num_sanity_val_steps=0", "trainer.limit_test_batches=0")
    finder = ("debug=lr_find", "callback.lr_find.steps=30", "callback.lr_find.train_after=true")
    for name, more in (("without", ()), ("after", finder)):
        finished = command("train.py", *settings, *more, f"hydra.run.dir={name}")
        assert finished.returncode == 0, finished.stderr
    assert "optim.optimizer.lr=" in finished.stdout
    expected, found = (checkpoint(tmp_path / name) for name in ("without", "after"))
    for part in ("state_dict", "random", "optimizer_states", "carried", "targets_seen"):
        torch.testing.assert_close(found[part], expected[part], rtol=0, atol=0, msg=part)
    assert found["loops"]["fit_loop"]["state_dict"] == expected["loops"]["fit_loop"]["state_dict"]


def test_the_test_alone_trains_nothing_and_leaves_figure_and_numbers(
    command: Any, small: tuple[str, ...], tmp_path: Path
) -> None:
    settings = ("debug=lr_find", "callback.lr_find.steps=40", "callback.lr_find.highest=1000")
    finished = command("train.py", *small, *settings, "trainer.gradient_clip_val=null", "hydra.run.dir=run")
    assert finished.returncode == 0, finished.stderr
    assert "completed after 0 steps" in finished.stdout
    assert (tmp_path / "run" / "lr_find.png").read_bytes().startswith(b"\x89PNG")
    rows = list(csv.DictReader((tmp_path / "run" / "lr_find.csv").open()))
    assert float(rows[0]["learning_rate"]) == 1e-6
    assert 10 < len(rows) < 40, "the test goes on after the loss has risen far above its least"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lowest": 0.0}, "lowest must be above 0"),
        ({"lowest": 1.0, "highest": 0.1}, r"highest=0\.1 must be above lowest=1\.0"),
        ({"smoothing": 1.0}, "smoothing must be at least 0 and below 1"),
        ({"steps": 1}, r"steps=1 must be at least 10"),
    ],
)
def test_ranges_are_checked(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        LearningRateFinder(**arguments)
