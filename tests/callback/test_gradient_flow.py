"""The gradient by lag is measured beside a run, which stays the same to the last bit, and goes on after a resume."""

import csv
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from throughtime.callback.gradient_flow import GradientFlow, clipped_share, rows_of
from throughtime.diagnosis.gradient_flow import LayerFlow
from throughtime.errors import UserError

SETTINGS = ("model.layers.dropout=0.3", "task.horizon=24", "trainer.limit_test_batches=0", "logger=csv")
FLOW = ("debug=gradients", "callback.gradient_flow.every_n_steps=10")


def table(run: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((run / "gradient_flow.csv").open()))


def checkpoint(run: Path) -> dict[str, Any]:
    return torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)


@pytest.fixture(scope="module")
def runs(
    command_in: Any, small: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """A run without the callback, and one with it that is stopped and resumed."""
    home = tmp_path_factory.mktemp("flow")
    command = command_in(home)
    for name, more in (
        ("without", ()),
        ("with", (*FLOW, "trainer.max_steps=10")),
    ):
        finished = command("train.py", *small, *SETTINGS, *more, f"hydra.run.dir={name}")
        assert finished.returncode == 0, finished.stderr
    finished = command("train.py", "resume=with", "trainer.max_steps=20")
    assert finished.returncode == 0, finished.stderr
    return {name: home / name for name in ("without", "with")}


def test_the_resumed_run_is_the_one_without_the_callback(runs: dict[str, Path]) -> None:
    expected, found = checkpoint(runs["without"]), checkpoint(runs["with"])
    for part in ("state_dict", "random", "optimizer_states", "carried", "targets_seen"):
        torch.testing.assert_close(found[part], expected[part], rtol=0, atol=0, msg=part)


def test_the_table_goes_on_after_a_resume_and_scalars_are_logged_once_a_measurement(
    runs: dict[str, Path],
) -> None:
    rows = table(runs["with"])
    places = [(int(row["step"]), int(row["lag"])) for row in rows]
    assert places == sorted(set(places))
    assert {step for step, _ in places} == {5, 10, 20}
    assert {row["layer"] for row in rows} == {"layers.cells.0"}
    # The horizon is 24 steps, and the first chunks have no older steps yet.
    assert max(int(row["lag"]) for row in rows) == 23
    assert all(float(row["late"]) > 0 for row in rows if row["lag"] == "0")
    for name in ("gradient_flow.png", "gradient_by_lag.png"):
        assert (runs["with"] / name).read_bytes().startswith(b"\x89PNG")
    logged = list(csv.DictReader((runs["with"] / "metrics.csv").open()))
    values = {
        name: {int(row["step"]): float(row[f"gradient/{name}"]) for row in logged if row[f"gradient/{name}"]}
        for name in ("factor_per_step", "clipped_share", "norm")
    }
    assert list(values["factor_per_step"]) == list(values["clipped_share"]) == [5, 10, 20]
    for step, share in values["clipped_share"].items():
        assert share == pytest.approx(max(0.0, 1 - 1 / values["norm"][step]), abs=1e-5)


def test_clipping_by_norm_and_by_value() -> None:
    gradient = [torch.tensor([3.0]), torch.tensor([[4.0]])]
    assert clipped_share(gradient, 1.0, "norm") == pytest.approx(0.8)
    assert clipped_share(gradient, 6.0, "norm") == 0
    assert clipped_share(gradient, 3.0, "value") == pytest.approx(1 - math.sqrt(18) / 5)
    assert math.isnan(clipped_share([], 1.0, "norm"))


class Measured(GradientFlow):
    """Takes every logged step for measured: the toy task has no recurrence."""

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self._measured = trainer.global_step + 1


def test_the_share_that_clipping_by_value_removes_is_logged(fit: Any, task: Any, scalars: Any) -> None:
    flow = Measured(every_n_steps=2)
    seen: list[float] = []
    own = task.optimizer_step

    def on_step(*arguments: Any, **named: Any) -> None:
        own(*arguments, **named)
        seen.append(max(float(part.grad.abs().max()) for part in task.parameters()))

    task.optimizer_step = on_step
    fit(flow, gradient_clip_val=0.01, gradient_clip_algorithm="value")
    assert max(seen) <= 0.01 * (1 + 1e-6)
    shares = scalars("gradient/clipped_share")
    assert len(shares) == 12
    assert all(0 < share < 1 for share in shares)


def test_lags_that_the_late_step_does_not_reach_are_empty() -> None:
    rows = rows_of(LayerFlow("a", torch.tensor([1.0]), torch.tensor([1.0, 2.0])))
    assert rows[0] == (0, 1.0, 1.0)
    assert math.isnan(rows[1][1])
    assert rows[1][2] == 2.0


def test_the_interval_is_checked() -> None:
    with pytest.raises(UserError, match="every_n_steps must be above 0"):
        GradientFlow(0)
