"""Gradient by lag during training, its half-life, and the share that clipping removes (`debug=gradients`)."""

import csv
import io
import math
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch import Callback
from torch import Tensor
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer

from throughtime.callback.logging import log_figure, log_scalars, read_csv
from throughtime.callback.nonfinite import gradients
from throughtime.data.batch import Batch
from throughtime.diagnosis.flow_figures import curves_figure, heat_map, longest_half_life, shown_lags
from throughtime.diagnosis.gradient_flow import LayerFlow, measure_flow
from throughtime.errors import check_positive
from throughtime.files import no_follow, write_text

COLUMNS = ("step", "layer", "lag", "late", "chunk")
TABLE = "gradient_flow.csv"


class GradientFlow(Callback):
    """Measure ‖∂ℓ/∂h_{t-k}‖ by lag k for each recurrent layer every so many steps, and draw it at each validation.

    The first measurement is that of the first logged step.

    A measurement is one forward and two backward passes on the chunk that is trained next: one for the loss of a single
    late step t, one for the whole chunk's (`throughtime.diagnosis.measure_flow`). It leaves nothing behind: a run with
    this callback is, to the last bit, the run without it. It is taken on the first rank.

    Logs `gradient/half_life`, the steps in which the gradient of the late step falls to a half, of the layer where that
    takes longest and only where it falls at all; `gradient/factor_per_step`, by which it changes from one lag to the
    next; `gradient/clipped_share`, 1 - ‖clipped gradient‖ / ‖gradient‖. Writes `gradient_flow.csv` into the run's
    folder, and the figures `gradient_flow` and `gradient_by_lag` as PNG there and to the loggers.

    Args:
        every_n_steps: optimiser steps between two measurements; where `trainer.log_every_n_steps` does not divide it,
            the next step that does is measured.
    """

    def __init__(self, every_n_steps: int = 500) -> None:
        check_positive(**{"callback.gradient_flow.every_n_steps": every_n_steps})
        self.every_n_steps = every_n_steps
        self._flows: list[LayerFlow] = []
        self._rows: list[tuple[int, str, int, float, float]] = []
        self._measured: int | None = None  # the step of the last measurement
        self._drawn = True

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        path, reached = self._table(trainer), trainer.global_step
        if not trainer.is_global_zero or not path.is_file():
            return
        rows = [row for row in read_csv(path) if int(row["step"]) <= reached]
        self._rows = [
            (int(row["step"]), row["layer"], int(row["lag"]), float(row["late"]), float(row["chunk"]))
            for row in rows
        ]
        self._write(trainer, self._rows)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        step = trainer.global_step + 1
        if self._measured == step or not self._is_due(trainer, step):
            return
        self._measured = step
        if trainer.is_global_zero:
            self._flows = self._measure(trainer, pl_module, batch)
            self._keep(trainer, step)
            log_scalars(trainer, rates_of(self._flows))

    def _is_due(self, trainer: pl.Trainer, step: int) -> bool:
        """Whether a step, counted from 1, is the first that is logged at all, or from a multiple of the interval on."""
        logged = max(trainer.log_every_n_steps, 1)
        if step == logged:
            return True
        if self.every_n_steps % logged == 0:
            return step % self.every_n_steps == 0
        return step % logged == 0 and step % self.every_n_steps < logged

    def _measure(self, trainer: pl.Trainer, task: pl.LightningModule, batch: Batch) -> list[LayerFlow]:
        carried = task.carried["train"]
        task.carried["train"] = copy(carried)
        try:
            with trainer.precision_plugin.forward_context():
                return measure_flow(task.model, lambda: task.chunk_loss("train", batch)[0])
        finally:
            task.carried["train"] = carried

    def _keep(self, trainer: pl.Trainer, step: int) -> None:
        new = [(step, flow.layer, *row) for flow in self._flows for row in rows_of(flow)]
        self._rows += new
        self._drawn = not new
        if not self._table(trainer).is_file():
            self._write(trainer, self._rows)
            return
        with open(self._table(trainer), "a", encoding="utf-8", newline="", opener=no_follow) as file:
            file.write(_as_csv(new))

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        if self._measured == trainer.global_step + 1 and trainer.gradient_clip_val:
            share = clipped_share(
                gradients(optimizer), trainer.gradient_clip_val, trainer.gradient_clip_algorithm or "norm"
            )
            log_scalars(trainer, {"gradient/clipped_share": share})

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.sanity_checking:
            self._draw(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._draw(trainer)

    def _draw(self, trainer: pl.Trainer) -> None:
        if self._drawn or not trainer.is_global_zero:
            return
        self._drawn = True
        layers: dict[str, dict[int, dict[int, float]]] = {}
        for step, layer, lag, late, _ in self._rows:
            layers.setdefault(layer, {}).setdefault(step, {})[lag] = late
        folder = Path(trainer.default_root_dir)
        maps = heat_map({layer: list(curves.items()) for layer, curves in layers.items()})
        log_figure(trainer, "gradient_flow", maps, folder / "gradient_flow.png")
        log_figure(trainer, "gradient_by_lag", curves_figure(self._flows), folder / "gradient_by_lag.png")

    @staticmethod
    def _table(trainer: pl.Trainer) -> Path:
        return Path(trainer.default_root_dir) / TABLE

    def _write(self, trainer: pl.Trainer, rows: Sequence[tuple]) -> None:
        write_text(self._table(trainer), f"{','.join(COLUMNS)}\n{_as_csv(rows)}")


def rates_of(flows: Sequence[LayerFlow]) -> dict[str, float]:
    """The scalars of a measurement; of the layer where the gradient falls most slowly."""
    rates = [flow.rate for flow in flows if not math.isnan(flow.rate)]
    return {
        "gradient/factor_per_step": max(rates, default=math.nan),
        "gradient/half_life": longest_half_life(flows),
    }


def rows_of(flow: LayerFlow) -> list[tuple[int, float, float]]:
    """The (lag, late norm, chunk norm) that are kept of a layer; NaN at lags that the late step does not reach."""
    lags = shown_lags(len(flow.chunk))
    late, chunk = flow.late.tolist(), flow.chunk.tolist()
    return [(lag, late[lag] if lag < len(late) else math.nan, chunk[lag]) for lag in lags]


def _as_csv(rows: Sequence[tuple]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(
        [f"{value:.6g}" if isinstance(value, float) else value for value in row] for row in rows
    )
    return text.getvalue()


def clipped_share(gradient: Sequence[Tensor], value: float, algorithm: Any) -> float:
    """The share of the gradient's norm that clipping removes: 1 - ‖clipped‖ / ‖g‖; NaN without a gradient.

    Args:
        gradient: of all parameters, before it is clipped.
        value: `trainer.gradient_clip_val`.
        algorithm: "norm" or "value".
    """
    norm = float(get_total_norm(gradient)) if gradient else 0.0
    if not norm > 0:
        return math.nan
    if str(getattr(algorithm, "value", algorithm)) == "norm":
        return 1 - min(1.0, value / norm)
    clipped = [torch.clamp(part, -value, value) for part in gradient]
    return 1 - float(get_total_norm(clipped)) / norm
