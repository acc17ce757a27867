"""Learning-rate schedules: η_t = η · w(t) · s(t), warm-up times shape.

The warm-up is linear over the first W steps, w(t) = min(1, (t + 1) / W), so that no step is taken at rate
0. t counts optimiser steps from 0. A schedule's state is plain numbers, and η_t follows from t alone, so
that a resumed run goes on exactly.
"""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from throughtime.errors import UserError


def warmup(step: int, warmup_steps: int) -> float:
    """w(t) = min(1, (t + 1) / W); 1 where there is no warm-up."""
    return min(1.0, (step + 1) / warmup_steps) if warmup_steps > 0 else 1.0


def constant(optimizer: Optimizer, total_steps: int | None = None, warmup_steps: int = 0) -> LambdaLR:
    """s(t) = 1.

    Raises:
        UserError: for a warm-up of fewer than 0 steps.
    """
    check_warmup(warmup_steps)
    return LambdaLR(optimizer, lambda step: warmup(step, warmup_steps))


def cosine(
    optimizer: Optimizer, total_steps: int | None, warmup_steps: int = 0, final_fraction: float = 0.0
) -> LambdaLR:
    """s(t) = f + (1 - f) (1 + cos π u) / 2, where u goes from 0 after the warm-up to 1 at the last step.

    Source: Loshchilov & Hutter (2017), SGDR: Stochastic Gradient Descent with Warm Restarts, ICLR; no
    restarts here.

    Args:
        optimizer: whose learning rates are set.
        total_steps: the steps of the whole run.
        warmup_steps: W.
        final_fraction: f, the fraction of η that is left at the end.

    Raises:
        UserError: the run has no known number of steps, W is below 0, or f is outside [0, 1].
    """
    check_warmup(warmup_steps)
    if not 0 <= final_fraction <= 1:
        raise UserError(f"final_fraction must be from 0 to 1, not {final_fraction}")
    if total_steps is None:
        raise UserError(
            "the cosine schedule must know how many steps the run takes: set trainer.max_steps, "
            "or choose optim/schedule=constant or optim/schedule=plateau"
        )

    def factor(step: int) -> float:
        course = min(max(step - warmup_steps, 0) / max(total_steps - 1 - warmup_steps, 1), 1.0)
        shape = final_fraction + (1 - final_fraction) * (1 + math.cos(math.pi * course)) / 2
        return warmup(step, warmup_steps) * shape

    return LambdaLR(optimizer, factor)


def check_warmup(warmup_steps: int) -> None:
    """Raise `UserError` for a warm-up of fewer than 0 steps."""
    if warmup_steps < 0:
        raise UserError(f"warmup_steps must be at least 0, not {warmup_steps}")
