"""A step that is not finite changes nothing, is counted, and too many of them in a row end the run."""

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback

from throughtime.callback.nonfinite import NonFinite
from throughtime.errors import Diverged, UserError


class Spoil(Callback):
    """Adds something to the loss, or to one gradient, in some backward passes, counted from 0."""

    def __init__(self, passes: set[int], value: float = math.nan, gradient_only: bool = False) -> None:
        self.passes = passes
        self.value = value
        self.gradient_only = gradient_only
        self.passed = 0

    def setup(self, trainer, pl_module, stage):
        training_step = pl_module.training_step
        self.parameter = next(pl_module.parameters())

        def spoilt(batch: Any, batch_idx: int) -> torch.Tensor:
            loss = training_step(batch, batch_idx)
            return loss * self.value if self._now() and not self.gradient_only else loss

        pl_module.training_step = spoilt

    def on_after_backward(self, trainer, pl_module):
        if self._now() and self.gradient_only:
            self.parameter.grad[0, 0] = self.value
        self.passed += 1

    def _now(self) -> bool:
        return self.passed in self.passes


class Steps(Callback):
    """The weights and the optimiser's state after each step."""

    def __init__(self) -> None:
        self.seen = []

    def on_train_batch_end(self, trainer, pl_module, *_):
        optimizer = trainer.optimizers[0].state_dict()["state"]
        weights = [parameter.detach().clone() for parameter in pl_module.parameters()]
        momenta = [value.clone() for state in optimizer.values() for value in state.values()]
        self.seen.append(weights + momenta)


def unchanged(steps: Steps) -> list[bool]:
    """Whether each batch but the first has left all as it was."""
    return [all(map(torch.equal, before, after)) for before, after in pairwise(steps.seen)]


@pytest.fixture
def adam(task):
    """An optimiser with a memory and with decay, which both would go on where a gradient were merely zero."""
    task.configure_optimizers = lambda: torch.optim.AdamW(task.parameters(), lr=0.01, weight_decay=0.1)


@pytest.mark.parametrize("clip", [None, 1.0])
@pytest.mark.parametrize("gradient_only", [False, True])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_weights_and_optimiser_stay_as_they_were(fit, task, adam, value, gradient_only, clip):
    guard, steps = NonFinite(), Steps()
    trainer = fit(guard, Spoil({5, 6}, value, gradient_only), steps, gradient_clip_val=clip, logger=False)
    assert unchanged(steps) == [False] * 4 + [True] * 2 + [False] * 5
    assert (guard.skipped, guard.in_a_row, task.forgotten, trainer.global_step) == (2, 0, 2, 12)
    assert all(part.isfinite().all() for part in steps.seen[-1])


def test_chunks_that_were_gathered_with_it_are_left_out_too(fit, adam):
    guard, steps = NonFinite(), Steps()
    fit(guard, Spoil({2}), steps, accumulate_grad_batches=2, max_steps=3, logger=False)
    assert unchanged(steps) == [False, True, True, True, False]
    assert guard.skipped == 1


def test_they_are_counted_and_told(fit, scalars, caplog):
    fit(NonFinite(), Spoil({2, 3, 6}))
    assert scalars("train/skipped_steps") == [2, 2, 3, 3, 3]
    assert [line for line in caplog.messages if "skipped" in line] == [
        f"step {step} is skipped: its loss or gradient is not finite ({count} so far)"
        for step, count in ((3, 1), (4, 2), (7, 3))
    ]


def test_a_run_without_any_says_nothing(fit, scalars, caplog):
    fit(NonFinite())
    assert scalars("train/skipped_steps") == [] and "is skipped" not in caplog.text


def test_too_many_in_a_row_end_the_run(fit):
    guard = NonFinite(patience=3)
    with pytest.raises(Diverged, match="not finite in 3 steps in a row, up to step 9"):
        fit(guard, Spoil({1, 2, 6, 7, 8}), logger=False)
    assert guard.skipped == 5


def test_the_count_goes_on_after_a_resume():
    first, second = NonFinite(), NonFinite()
    first.skipped, first.in_a_row = 7, 2
    second.load_state_dict(first.state_dict())
    assert (second.skipped, second.in_a_row) == (7, 2)


def test_patience_is_above_0():
    with pytest.raises(UserError, match="patience must be above 0"):
        NonFinite(patience=0)
