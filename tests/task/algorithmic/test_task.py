"""The task: heads that fit, and a short run that measures each length."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from throughtime.errors import UserError
from throughtime.run.build import build_data
from throughtime.task.algorithmic.task import Algorithmic

SMALL = ("cell.hidden_size=8", "data.batch_size=4", "data.eval_batch_size=4")


@pytest.mark.parametrize(
    ("data", "head", "message"),
    [
        ("adding", "quantile", "numbers; add head=mse to the command"),
        ("adding", "softmax", "numbers; add head=mse to the command"),  # that of the task alone
        ("parity", "crf", "symbols; add head=softmax to the command"),
    ],
)
def test_a_head_of_another_kind_is_an_error(
    built: Callable[..., Algorithmic], data: str, head: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        built("task=algorithmic", f"data={data}", f"head={head}", *SMALL)


@pytest.mark.parametrize("overrides", [("data=parity",), ("data=adding", "head=mse"), ("data=group_words",)])
def test_the_loss_is_a_mean_over_the_answers_that_count(
    built: Callable[..., Algorithmic],
    configuration: Callable[..., dict[str, Any]],
    overrides: tuple[str, ...],
) -> None:
    task = built("task=algorithmic", *overrides, *SMALL)
    data = build_data(configuration("task=algorithmic", *overrides, *SMALL))
    batch = next(iter(data.loader("train")))
    loss, count = task.chunk_loss("train", batch)
    features, _ = task.model(batch.inputs, task.model.initial_state(4))
    counted = batch.targets if batch.mask is None else batch.targets[batch.mask]
    predicted = task.head.predict(features)
    if task.rule["numbers"]:
        expected = ((predicted[batch.mask] - counted) ** 2).mean()
    else:
        shown = predicted.flatten(0, 1) if batch.mask is None else predicted[batch.mask]
        expected = -shown.gather(-1, counted.reshape(-1, 1)).mean()
    assert count == counted.numel()
    torch.testing.assert_close(loss, expected)


def test_the_monitor_is_that_of_the_answers(built: Callable[..., Algorithmic]) -> None:
    assert (task := built("task=algorithmic", *SMALL)).monitor == "val/accuracy" and task.mode == "max"
    task = built("task=algorithmic", "data=adding", "head=mse", *SMALL)
    assert task.monitor == "val/mse" and task.mode == "min"
    with pytest.raises(UserError, match=r"monitor=val/f1 is not known; choose one of: val/accuracy"):
        built("task=algorithmic", "task.monitor=val/f1", *SMALL)
