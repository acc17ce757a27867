"""Figures of handwriting: samples, and the density of the next point along an ink of validation."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from jaxtyping import Float
from lightning.pytorch import Callback
from matplotlib.figure import Figure
from torch import Tensor

from throughtime.callback.logging import log_figure, takes_figures
from throughtime.data.batch import Batch
from throughtime.errors import Diverged, check_positive
from throughtime.files import make_subfolder
from throughtime.task.handwriting.generate import DrawnInk, figure_of, write_svg
from throughtime.task.handwriting.task import Handwriting

log = logging.getLogger(__name__)

CELLS = 8_000
"""Cells of the grid of a density."""


class InkFigures(Callback):
    """Draws samples and the density of the next point at each validation.

    Samples are written to `samples/step_000500.svg` and `.png` in the run's folder and logged as `samples`; the density
    is logged as `val/density` and written to `figures/density.png` after the test. Random numbers come from a
    generator of its own, the same at each validation, so that training does not depend on the samples.

    Args:
        texts: what a model that is conditioned on texts writes.
        count: inks of each text, of each class, or without a condition.
        bias: b of the samples.
        length: the most points of a sample.
        seed: of the samples.
    """

    def __init__(
        self,
        texts: Sequence[str] = ("hello", "time"),
        count: int = 4,
        bias: float | int = 0.5,
        length: int = 400,
        seed: int = 0,
    ) -> None:
        check_positive(**{"callback.samples.count": count, "callback.samples.length": length})
        self.texts = list(texts)
        self.count = count
        self.bias = bias
        self.length = length
        self.seed = seed
        self._shown: Batch | None = None

    def on_validation_batch_start(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._keep(batch, batch_idx)

    def on_test_batch_start(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._keep(batch, batch_idx)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        if takes_figures(trainer):
            log_figure(trainer, "val/density", self._density(pl_module))
        generator = torch.Generator(pl_module.device).manual_seed(self.seed)
        conditions = self._conditions(pl_module)
        try:
            drawn = pl_module.draw(conditions, self.bias, self.length, generator)
        except Diverged as error:  # `throughtime.callback.NonFinite` decides whether the run goes on
            log.warning("no samples at step %d: %s", trainer.global_step, error)
            return
        inks = [DrawnInk(strokes, label or "") for strokes, label in zip(drawn, conditions, strict=True)]
        path = Path(trainer.default_root_dir) / "samples" / f"step_{trainer.global_step:06d}.svg"
        make_subfolder(path.parent)
        write_svg(path, inks)
        log_figure(trainer, "samples", figure_of(inks), path.with_suffix(".png"))

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.is_global_zero and self._shown is not None:
            path = Path(trainer.default_root_dir) / "figures" / "density.png"
            make_subfolder(path.parent)
            log_figure(trainer, "test/density", self._density(pl_module), path)

    def _keep(self, batch: Batch, number: int) -> None:
        """Keep the longest ink of the first batch."""
        if number == 0:
            lane = 0 if batch.lengths is None else int(batch.lengths.argmax())
            one = slice(lane, lane + 1)
            self._shown = Batch(batch.chunk.lanes(one), batch.targets[:, one])

    def _conditions(self, task: Handwriting) -> list[str | None]:
        known: list[str | None] = {"none": [None], "label": task.symbols, "text": self._texts(task)}[
            task.condition
        ]
        return [one for one in known for _ in range(self.count)]

    def _texts(self, task: Handwriting) -> list[str]:
        """The texts whose characters the model knows; without any, its first symbols."""
        fitting = [text for text in self.texts if text and set(text) <= set(task.symbols)]
        return fitting or ["".join(task.symbols[:5])]

    @torch.inference_mode()
    def _density(self, task: Handwriting) -> Figure:
        chunk = self._shown.chunk
        features, _ = task.model(chunk.inputs, task.model.initial_state(1), chunk.lengths)
        end = len(features) if chunk.lengths is None else int(chunk.lengths[0])
        offsets = torch.cat((chunk.inputs.features[:1, 0, :2], self._shown.targets[:end, 0, :2]))
        pens = torch.cat((chunk.inputs.features[:1, 0, 2], self._shown.targets[:end, 0, 2]))
        mixture, _ = task.head.parameters_of(features[:end, 0])
        return density_figure(mixture, offsets.cumsum(0), pens.cpu().numpy())


def density_figure(mixture: Any, points: Float[Tensor, "n 2"], pens: Float[np.ndarray, " n"]) -> Figure:
    """The largest density of the next point over all steps of an ink, at each place, with the ink below.

    Args:
        mixture: of the n - 1 points after the first.
        points: of the ink.
        pens: whether the pen is lifted after each point.
    """
    low, high = points.amin(0), points.amax(0)
    sides = (high - low).clamp(min=1e-3)
    low, high = low - 0.1 * sides.max(), high + 0.1 * sides.max()
    width, height = (high - low).tolist()
    rows = max(int((CELLS * height / width) ** 0.5), 8)
    columns = max(CELLS // rows, 8)
    x = torch.linspace(low[0].item(), high[0].item(), columns, device=points.device)
    y = torch.linspace(low[1].item(), high[1].item(), rows, device=points.device)
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).flatten(0, 1)
    best = torch.full((len(grid),), -torch.inf, device=points.device)
    for step, point in enumerate(points[:-1]):
        one = type(mixture)(*(part[step] for part in mixture))
        best = torch.maximum(best, one.log_density(grid - point))
    tall = height > width
    unit = 5 / height if tall else 8 / width
    size = (2 * width * unit + 3, 6.0) if tall else (9.5, 2 * height * unit + 2)
    figure = Figure(figsize=size, layout="constrained")
    above, below = figure.subplots(*((1, 2) if tall else (2, 1)), sharex=True, sharey=True)
    box = (*(side.item() for side in (low[0], high[0])), *(side.item() for side in (low[1], high[1])))
    logs = best.view(rows, columns).cpu().numpy()
    picture = above.imshow(
        logs, origin="lower", extent=box, aspect="equal", cmap="magma", vmin=np.quantile(logs, 0.3)
    )
    figure.colorbar(picture, ax=[above, below], label="ln density")
    lines = np.split(points.cpu().numpy(), np.flatnonzero(pens > 0.5) + 1)
    for line in lines:
        if len(line):
            below.plot(*line.T, ".-", color="black", linewidth=1, markersize=3)
    below.set(aspect="equal", ylim=box[2:])
    above.set_title("largest density of the next point", fontsize="medium")
    below.set_title("the ink", fontsize="medium")
    return figure
