"""Learning-rate range test: the loss while the rate rises from step to step (`debug=lr_find`)."""

import copy
import csv
import io
import math
from collections.abc import Sequence
from itertools import chain, repeat
from pathlib import Path

import lightning.pytorch as pl
import torch
from lightning.pytorch import Callback
from matplotlib.figure import Figure

from throughtime.callback.checkpoint import random_state, set_random_state
from throughtime.callback.logging import log_figure
from throughtime.distributed.collectives import world_size
from throughtime.errors import UserError, check_fraction, check_positive
from throughtime.files import write_text

RISE = 4.0
"""The test ends where the loss is this many times its least value so far."""


class LearningRateFinder(Callback):
    """Train some steps while the learning rate rises geometrically, plot the loss, and restore everything.

    The suggested rate is that of the steepest fall of the smoothed loss over the logarithm of the rate
    (L. N. Smith, 2017, Cyclical learning rates for training neural networks, WACV, has the test; the steepest point is
    the usual reading of it). Steps use the carried state, clipping and precision of training. Afterwards weights,
    optimiser, random numbers, carried state and the position in the data are restored: a run that continues after the
    test is, to the last bit, the run without it.

    Writes `lr_find.png` and `lr_find.csv` into the run's folder, and logs the figure.

    Args:
        lowest, highest: the rates of the first and the last step; the test ends early where the loss has risen to
            four times its least.
        steps: the number of steps.
        smoothing: the share of what went before in the moving average of the loss.
        train_after: whether the run continues with its own learning rate; otherwise it ends here.

    Attributes:
        suggestion: the suggested rate; None where the loss never fell.
    """

    def __init__(
        self,
        lowest: float = 1e-6,
        highest: float = 1.0,
        steps: int = 100,
        smoothing: float = 0.9,
        train_after: bool = False,
    ) -> None:
        check_positive(**{"callback.lr_find.lowest": lowest})
        check_fraction(**{"callback.lr_find.smoothing": smoothing})
        if steps < 10:
            raise UserError(f"callback.lr_find.steps={steps} must be at least 10")
        if highest <= lowest:
            raise UserError(f"callback.lr_find.highest={highest} must be above lowest={lowest}")
        self.lowest = lowest
        self.highest = highest
        self.steps = steps
        self.smoothing = smoothing
        self.train_after = train_after
        self.suggestion: float | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if world_size() > 1:
            raise UserError("debug=lr_find runs in one process; leave trainer=ddp out")
        loader, optimizer = trainer.train_dataloader, trainer.optimizers[0]
        position, random, weights = loader.state_dict(), random_state(), copy.deepcopy(pl_module.state_dict())
        optimizer_state, carried = copy.deepcopy(optimizer.state_dict()), pl_module.carried["train"]
        carried_state = carried.state_dict()
        rates, losses = self._range_test(trainer, pl_module)
        carried.load_state_dict(carried_state, pl_module.model)
        optimizer.load_state_dict(optimizer_state)
        pl_module.load_state_dict(weights)
        set_random_state(random)
        loader.load_state_dict(position)
        self._report(trainer, rates, losses)
        trainer.should_stop = trainer.should_stop or not self.train_after

    def _range_test(self, trainer: pl.Trainer, task: pl.LightningModule) -> tuple[list[float], list[float]]:
        """The rates of the steps that were taken, and the smoothed loss at each."""
        optimizer, batches = trainer.optimizers[0], chain.from_iterable(repeat(trainer.train_dataloader))
        least, mean = math.inf, 0.0
        rates, losses = [], []
        for step in range(self.steps):
            rate = self.lowest * (self.highest / self.lowest) ** (step / (self.steps - 1))
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.zero_grad()
            with trainer.precision_plugin.forward_context():
                batch = task.transfer_batch_to_device(next(batches), task.device, 0)
                loss, _ = task.chunk_loss("train", batch)
            loss.backward()
            task.clip_gradients(optimizer, trainer.gradient_clip_val, trainer.gradient_clip_algorithm)
            optimizer.step()
            mean = self.smoothing * mean + (1 - self.smoothing) * float(loss.detach())
            smoothed = mean / (1 - self.smoothing ** (step + 1))
            least = min(least, smoothed)
            if not smoothed <= least + (RISE - 1) * abs(least):
                break
            rates.append(rate)
            losses.append(smoothed)
        optimizer.zero_grad()
        return rates, losses

    def _report(self, trainer: pl.Trainer, rates: list[float], losses: list[float]) -> None:
        self.suggestion = steepest(rates, losses)
        folder = Path(trainer.default_root_dir)
        table = io.StringIO()
        csv.writer(table).writerows([("learning_rate", "smoothed_loss"), *zip(rates, losses, strict=True)])
        write_text(folder / "lr_find.csv", table.getvalue())
        figure = plot(rates, losses, self.suggestion)
        log_figure(trainer, "lr_find", figure, folder / "lr_find.png")
        found = (
            "the loss fell at no rate; widen callback.lr_find.lowest and callback.lr_find.highest"
            if self.suggestion is None
            else f"the loss falls fastest at optim.optimizer.lr={self.suggestion:.2g}"
        )
        print(
            f"learning rates from {rates[0]:.2g} to {rates[-1]:.2g}: {found}\nfigure: {folder / 'lr_find.png'}"
        )


def steepest(rates: Sequence[float], losses: Sequence[float]) -> float | None:
    """The rate before the least loss where it falls fastest over the logarithm of the rate; None where it does not."""
    least = min(range(len(losses)), key=losses.__getitem__)
    if least < 2:
        return None
    logarithms = torch.tensor(rates[: least + 1]).log()
    (slopes,) = torch.gradient(torch.tensor(losses[: least + 1]), spacing=(logarithms,))
    return rates[int(slopes.argmin())] if float(slopes.min()) < 0 else None


def plot(rates: Sequence[float], losses: Sequence[float], suggestion: float | None) -> Figure:
    """The loss over the rate, and a mark where it falls fastest."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="learning rate", ylabel="training loss, smoothed", xscale="log")
    axes.plot(rates, losses)
    if suggestion is not None:
        axes.axvline(suggestion, color="tab:red", linestyle="--", label=f"falls fastest at {suggestion:.2g}")
        axes.legend()
    axes.grid(alpha=0.3)
    return figure
