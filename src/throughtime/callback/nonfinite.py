"""Steps whose loss or gradient is not finite are left out; a run that takes no other ends as failed."""

import logging
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch import Callback
from torch import Tensor
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer

from throughtime.callback.log_steps import logs_at
from throughtime.errors import Diverged, check_positive

log = logging.getLogger(__name__)


class NonFinite(Callback):
    """Leaves out every optimiser step whose loss, or the norm of whose gradient, is NaN or infinite.

    The gradient is dropped before it is clipped or used, so that neither the weights nor what the optimiser keeps of
    them change. The step counts all the same: a schedule ends with its run, and accumulated chunks go together. The
    task then drops what such a step would leave behind in it (`task.forget_step`). Once there is one,
    `train/skipped_steps` tells how many steps were left out so far.

    Args:
        patience: the steps in a row that are left out before the run stops; the first steps of `precision=16-mixed`
            are left out until its scale fits, so a few are no reason.

    Attributes:
        skipped, in_a_row: the steps left out so far, and those of them since the last one that was taken.
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
        # Ranks leave out the same steps, or their weights would part.
        if trainer.strategy.reduce_boolean_decision(is_finite(losses, gradients(optimizer))):
            self.in_a_row = 0
        else:
            optimizer.zero_grad(set_to_none=True)  # what has no gradient is not touched by any optimiser
            pl_module.forget_step()
            self.skipped += 1
            self.in_a_row += 1
            log.warning(
                "step %d is left out: its loss or gradient is not finite (%d so far)",
                trainer.global_step + 1,
                self.skipped,
            )
        if self.skipped and (self.in_a_row or logs_at(trainer, trainer.global_step + 1)):
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
    """Those of all parameters that have one."""
    parameters = (parameter for group in optimizer.param_groups for parameter in group["params"])
    return [parameter.grad for parameter in parameters if parameter.grad is not None]


def is_finite(losses: list[Tensor], gradients: list[Tensor]) -> bool:
    """Whether all losses and the norm of the gradient are; one look at the device for all of them."""
    total = torch.stack(losses).sum() if losses else torch.zeros(())
    if gradients:
        total = total + get_total_norm(gradients).to(total)
    return bool(total.isfinite())
