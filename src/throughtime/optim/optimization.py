"""Optimisation of a task: optimiser, learning-rate schedule, and weight decay by kind of parameter."""

from collections.abc import Callable
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from throughtime.errors import UserError
from throughtime.model.inputs.embedding import Embedding

UNDECAYED = (Embedding, nn.Embedding, nn.EmbeddingBag, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


class Optimization:
    """An optimiser for all of a module's parameters, with a schedule of its learning rate.

    Args:
        optimizer: makes the optimiser from `params`, `torch.optim.AdamW` with its options for example.
        schedule: makes the schedule from the `optimizer` and `total_steps` (None where unknown); it is stepped once
            per optimiser step. None keeps the learning rate constant.
        weight_decay: λ of the decay of weight matrices. Biases, norms, embeddings and learned states do not
            decay: shrinking them does not regularise the map from inputs to outputs.

    Raises:
        UserError: for a weight decay below 0.
    """

    def __init__(
        self,
        optimizer: Callable[..., Optimizer],
        schedule: Callable[..., LRScheduler] | None = None,
        weight_decay: float = 0.0,
    ) -> None:
        if not weight_decay >= 0:
            raise UserError(f"weight_decay must be at least 0, not {weight_decay}")
        self.optimizer = optimizer
        self.schedule = schedule
        self.weight_decay = weight_decay

    def configure(self, module: nn.Module, total_steps: int | float | None = None) -> dict[str, Any]:
        """The return value of Lightning's `configure_optimizers` for this module.

        Args:
            module: the task.
            total_steps: the optimiser steps of the whole run; None, -1 or infinity where only time ends it.

        Raises:
            UserError: the schedule needs to know the end and there is none.
        """
        decayed, others = self.groups(module)
        groups = [
            {"params": decayed, "weight_decay": self.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        optimizer = self.optimizer(params=groups)
        if self.schedule is None:
            return {"optimizer": optimizer}
        known = total_steps is not None and 0 <= total_steps < float("inf")
        schedule = self.schedule(optimizer=optimizer, total_steps=int(total_steps) if known else None)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    @staticmethod
    def groups(module: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """The trained parameters that decay, and the others, a matrix shared with an embedding included."""
        spared = {
            id(parameter)
            for part in module.modules()
            if isinstance(part, UNDECAYED)
            for parameter in part.parameters(recurse=False)
        }
        trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
        decayed = [parameter for parameter in trained if parameter.dim() >= 2 and id(parameter) not in spared]
        others = [parameter for parameter in trained if parameter.dim() < 2 or id(parameter) in spared]
        return decayed, others
