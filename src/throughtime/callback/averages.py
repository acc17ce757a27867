"""Averages of the weights over a run, kept beside the weights and saved in every checkpoint.

A checkpoint holds for each average a list of weights, `checkpoint["averages"][name]`, whose mean is the average, so
that it can be used from the checkpoint alone (`throughtime.inference.averages`) and goes on exactly after a resume.
"""

from collections import deque
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch import Callback
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from throughtime.errors import check_fraction, check_positive

AVERAGES = "averages"
EMA, AVERAGE = "ema", "average"

Weights = dict[str, Tensor]
"""Parameters by their names; a shared one appears once."""


class ExponentialAverage(Callback):
    """θ̄_n = d_n θ̄_{n-1} + (1 - d_n) θ_n after optimiser step n, with d_n = min(d, (1 + n) / (10 + n)).

    Source: Polyak & Juditsky 1992, SIAM J. Control Optim. 30:838, for averaging; the smaller d_n of the first steps,
    which forgets the initial weights in time for a short run, is that of TensorFlow's ExponentialMovingAverage.

    Args:
        decay: d; None keeps no average.
    """

    def __init__(self, decay: float | None = None) -> None:
        if decay is not None:
            check_fraction(decay=decay)
        self.decay = decay
        self._average: Weights = {}
        self._updates = 0
        self._step = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.decay is not None and not self._average:
            self._average = weights_of(pl_module)
        devices = {name: weight.device for name, weight in pl_module.named_parameters()}
        self._average = {name: weight.to(devices[name]) for name, weight in self._average.items()}
        self._step = trainer.global_step

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        if self.decay is None or trainer.global_step == self._step:
            return
        self._step = trainer.global_step
        self._updates += 1
        decay = min(self.decay, (1 + self._updates) / (10 + self._updates))
        present = dict(pl_module.named_parameters())
        update = get_ema_multi_avg_fn(decay)
        update(list(self._average.values()), [present[name] for name in self._average], None)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        if self._average:
            checkpoint.setdefault(AVERAGES, {})[EMA] = [self._average]

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        if self.decay is not None and EMA in checkpoint.get(AVERAGES, {}):
            (self._average,) = checkpoint[AVERAGES][EMA]

    def state_dict(self) -> dict[str, Any]:
        return {"updates": self._updates}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._updates = state_dict["updates"]


class CheckpointAverage(Callback):
    """θ̄ = (θ_1 + … + θ_k) / k of the weights at the last k validations, each of which leaves a checkpoint.

    So translation models average their last checkpoints (Vaswani et al. 2017, arXiv 1706.03762). Every checkpoint
    holds the weights of all k, which makes it that much larger.

    Args:
        count: k; None keeps no average.
    """

    def __init__(self, count: int | None = None) -> None:
        if count is not None:
            check_positive(count=count)
        self.count = count
        self._kept: deque[Weights] = deque(maxlen=count or 0)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.count is not None and not trainer.sanity_checking and trainer.state.fn == "fit":
            self._kept.append({name: weight.cpu() for name, weight in weights_of(pl_module).items()})

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        if self._kept:
            checkpoint.setdefault(AVERAGES, {})[AVERAGE] = list(self._kept)

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._kept.extend(checkpoint.get(AVERAGES, {}).get(AVERAGE, []))


def weights_of(module: nn.Module) -> Weights:
    """A copy of a module's parameters."""
    return {name: parameter.detach().clone() for name, parameter in module.named_parameters()}
