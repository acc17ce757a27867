"""Guard against losses and gradients that are not finite: their steps are skipped, and many in a row end the run."""

import logging
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch import Callback
from torch import Tensor
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer

from throughtime.callback.logging import is_log_step
from throughtime.errors import Diverged, check_positive

log = logging.getLogger(__name__)


class NonFinite(Callback):
    """Skip every optimiser step whose loss, or the norm of whose gradient, is NaN or infinite.

    The gradient is dropped before it is clipped or used, so neither the weights nor the optimiser's state change. The
    step still counts, so that schedules and accumulation keep their places. The task then drops what such a step leaves
    behind in it (`task.forget_step`). From the first one on, `train/skipped_steps` counts them.

    Args:
        patience: consecutive skipped steps before the run stops; `precision=16-mixed` skips a few at its start
            until its scale fits.

    Attributes:
        skipped, in_a_row: the steps skipped so far, and those of them since the last one that was taken.
    """

    def __init__(self, patience: int = 20) -> None:
        check_positive(patience=patience)
        self.patience = patience
        self.skipped = self.in_a_row = 0
        self._losses: list[Tensor] = []

    def on_before_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule, loss: Tensor) -> None:
        self._losses.append(loss.detach())

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        losses, self._losses = self._losses, []
        # All ranks skip the same steps, or their weights would differ.
        if trainer.strategy.reduce_boolean_decision(are_finite(losses, gradients(optimizer))):
            self.in_a_row = 0
        else:
            optimizer.zero_grad(set_to_none=True)  # no optimiser changes a parameter without a gradient
            pl_module.forget_step()
            self.skipped += 1
            self.in_a_row += 1
            log.warning(
                "step %d is skipped: its loss or gradient is not finite (%d so far)",
                trainer.global_step + 1,
                self.skipped,
            )
        if self.skipped and (self.in_a_row or is_log_step(trainer, trainer.global_step + 1)):
            pl_module.log("train/skipped_steps", float(self.skipped))

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if self.in_a_row >= self.patience:
            raise Diverged(
                f"the loss or its gradient was not finite in {self.in_a_row} steps in a row, up to step "
                f"{trainer.global_step}; lower optim.optimizer.lr or trainer.gradient_clip_val, or see with "
                "debug=trace where it begins"
            )

    def state_dict(self) -> dict[str, Any]:
        return {"skipped": self.skipped, "in_a_row": self.in_a_row}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.skipped, self.in_a_row = state_dict["skipped"], state_dict["in_a_row"]


def gradients(optimizer: Optimizer) -> list[Tensor]:
    """The gradients of all parameters that have one."""
    parameters = (parameter for group in optimizer.param_groups for parameter in group["params"])
    return [parameter.grad for parameter in parameters if parameter.grad is not None]


def are_finite(losses: list[Tensor], gradients: list[Tensor]) -> bool:
    """Whether all losses and the norm of the gradient are finite; synchronises with the device once."""
    total = torch.stack(losses).sum() if losses else torch.zeros(())
    if gradients:
        total = total + get_total_norm(gradients).to(total)
    return bool(total.isfinite())
