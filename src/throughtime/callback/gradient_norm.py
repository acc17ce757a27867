"""Norm of the gradient before it is clipped."""

import lightning.pytorch as pl
from lightning.pytorch import Callback
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer

from throughtime.callback.logging import is_log_step


class GradientNorm(Callback):
    """Log `gradient/norm`, the Euclidean norm of the whole gradient, every `trainer.log_every_n_steps`.

    Lightning calls this hook once the gradient of the step is complete, and unscaled where precision scales
    the loss, and before it clips.
    """

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        if not is_log_step(trainer, trainer.global_step + 1):
            return
        gradients = [
            parameter.grad
            for group in optimizer.param_groups
            for parameter in group["params"]
            if parameter.grad is not None
        ]
        if gradients:
            pl_module.log("gradient/norm", get_total_norm(gradients))
