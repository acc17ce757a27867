"""`FrameUnits`: a tagger's frames, their metrics by frame and by segment, and the linear model beside them."""

import argparse
import csv
import io
import sys
import warnings
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from matplotlib.figure import Figure
from torch import Tensor

from throughtime.data.batch import Batch
from throughtime.data.frames.batches import FrameBatches
from throughtime.data.frames.recordings import FrameReader
from throughtime.data.labelled.standardise import Standardiser
from throughtime.distributed.collectives import all_gather
from throughtime.files import output_file
from throughtime.task.export_graph import ExportGraph
from throughtime.task.symbol_axis import SymbolAxis
from throughtime.task.tagging.metrics import PairCounts, TagScores
from throughtime.task.tagging.segments import segment_scores
from throughtime.task.tagging.units import TagUnits
from throughtime.task.tbptt import TruncatedBPTT

COLUMNS = ("accuracy", "macro_f1", "edit", "f1_10", "f1_25", "f1_50")
"""Metrics of the summary, which are those of `FrameMetrics`."""

MOST_TIMELINES = 4
"""Recordings of the figure of tags over time."""


class FrameMetrics(TagScores):
    """Counts of frames, and the tags of each recording, of which the metrics of segments follow.

    Args:
        tags: their names.

    """

    def __init__(self, tags: Sequence[str]) -> None:
        super().__init__(tags)
        self._lanes: list[tuple[list[int], list[int]]] = []
        self._batch: list[tuple[list[int], list[int]]] = []

    @property
    def lanes(self) -> list[tuple[list[int], list[int]]]:
        """The true and the predicted tags of each recording."""
        return [lane for lane in self._lanes if lane[0]]

    def update(
        self,
        expected: Int[Tensor, "T B"],
        predicted: Int[Tensor, "T B"],
        mask: Bool[Tensor, "T B"],
        fresh: bool = True,
    ) -> None:
        """Count a batch of whole recordings, or of chunks of them.

        Args:
            expected, predicted: tags.
            mask: true up to the end of each recording that counts.
            fresh: whether recordings begin; else those of the last batch go on in the same lanes.
        """
        expected, predicted, mask = expected.cpu(), predicted.cpu(), mask.cpu()
        self.confusion.add(expected[mask], predicted[mask])
        if fresh:
            self._batch = [([], []) for _ in range(mask.shape[1])]
            self._lanes += self._batch
        for lane, length in enumerate(mask.sum(0).tolist()):
            for tags, found in zip(self._batch[lane], (expected, predicted), strict=True):
                tags += found[:length, lane].tolist()

    def over_all_ranks(self) -> "FrameMetrics":
        """The counts of all ranks."""
        gathered = all_gather({"confusion": self.confusion.state(), "lanes": self.lanes})
        both = copy(self)
        both.confusion = PairCounts(len(self.tags) + 1, len(self.tags))
        for one in gathered:
            both.confusion = both.confusion + self.confusion.of_state(one["confusion"])
        both._lanes = [(list(true), list(found)) for one in gathered for true, found in one["lanes"]]
        return both

    def values(self) -> dict[str, float]:
        """The metrics by their names; none where no frame was counted."""
        if not self.lanes:
            return {}
        every = torch.ones(len(self.tags) + 1, dtype=torch.bool)
        own = {"accuracy": self.confusion.accuracy(every), "macro_f1": self.macro_f1()}
        return own | segment_scores(self.lanes)

    def figures(self) -> dict[str, Figure]:
        """The true and the predicted tags of some recordings over time."""
        shown = self.lanes[:MOST_TIMELINES]
        return {"timeline": plot_timelines(shown, self.tags)} if shown else {}


class FrameUnits(TagUnits):
    """Frames of recordings, whose baseline is a linear model of each frame alone.

    Args:
        artifacts: what the data fitted, in plain containers.

    Attributes:
        standardiser: of features.
        reader_state: how files are read, in plain values.
        chunk_length: the most steps of a batch; None for whole recordings.
    """

    def __init__(self, artifacts: Mapping[str, Any]) -> None:
        frames = artifacts["frames"]
        self.tags = list(frames["tags"])
        self.standardiser = Standardiser.from_state(frames["standardiser"])
        self.reader_state = frames["reader"]
        self.chunk_length: int | None = frames.get("chunk_length")
        self.chunked = frames.get("chunked", False)
        self.monitors = (
            "val/macro_f1",
            "val/accuracy",
            "val/edit",
            "val/f1_10",
            "val/f1_25",
            "val/f1_50",
            "val/loss",
        )

    def new_metrics(self) -> FrameMetrics:
        return FrameMetrics(self.tags)

    def update(
        self, metrics: FrameMetrics, batch: Batch, predicted: Int[Tensor, "T B"], mask: Bool[Tensor, "T B"]
    ) -> None:
        metrics.update(batch.targets, predicted, mask, batch.chunk.fresh)

    def symbol_axes(self) -> Mapping[str, Sequence[SymbolAxis]]:
        return {}

    def summary(self, stage: str, measured: FrameMetrics, task: Any) -> str:
        """All metrics beside those of logistic regression on each standardised frame."""
        data = task.trainer.datamodule
        rows = {"this model": measured.values()}
        train, found = data.part("train"), data.part(stage)
        if train.features and found.features:
            rows["linear, per frame"] = _linear(train, found, self.tags).values()
        lines = [f"{stage:<20}" + "".join(f"{name.replace('_', ' '):>11}" for name in COLUMNS)]
        for name, values in rows.items():
            lines.append(f"{name:<20}" + "".join(f"{values[column]:>11.2%}" for column in COLUMNS))
        return "\n".join(lines)

    def predict(self, task: Any, options: argparse.Namespace) -> None:
        """Write a row a frame: its number, its tag and, where asked for, its probability.

        Raises:
            UserError: the file cannot be read as the training data were.
        """
        recording = FrameReader.from_state(self.reader_state).read_for_prediction(options.input)
        ((tags, chances),) = tag_frames(task, [self.standardiser(recording.values)])
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(["frame", "tag", *(["probability"] if options.probabilities else [])])
        for number, (tag, chance) in enumerate(zip(tags.tolist(), chances.tolist(), strict=True), 1):
            table.writerow([number, self.tags[tag], *([f"{chance:.4f}"] if options.probabilities else [])])
        if options.output is None:
            sys.stdout.write(text.getvalue())
        else:
            with output_file(options.output) as file:
                file.write(text.getvalue().encode())

    def export_graph(self, task: Any) -> ExportGraph:
        from throughtime.task.tagging.export_graph import export_frames

        return export_frames(task)


@torch.inference_mode()
def tag_frames(
    task: Any, features: Sequence[Float[np.ndarray, "_ F"]]
) -> list[tuple[Int[Tensor, " _"], Float[Tensor, " _"]]]:
    """The predicted tag of each frame of some recordings, and its probability."""
    was_training = task.training
    task.eval()
    found = []
    for sequence in features:
        carried, parts = TruncatedBPTT(), []
        for batch in FrameBatches([sequence], None, 1, chunk_length=task.units.chunk_length):
            batch = task.transfer_batch_to_device(batch, task.device, 0)
            mask = batch.target_mask()
            outputs = carried.run(task.model, batch.chunk)
            tags = task.predictions(outputs, mask)
            chances = task.probabilities(outputs, mask).gather(-1, tags[..., None])
            parts.append((tags[:, 0].cpu(), chances[:, 0, 0].float().cpu()))
        found.append(tuple(torch.cat(part) for part in zip(*parts, strict=True)))
    task.train(was_training)
    return found


def plot_timelines(examples: Sequence[tuple[list[int], list[int]]], tags: Sequence[str]) -> Figure:
    """The true tags of recordings above the predicted ones, a colour a tag, over the frames.

    Args:
        examples: true and predicted tags of each recording.
        tags: their names.
    """
    from matplotlib import colormaps
    from matplotlib.patches import Patch

    figure = Figure(figsize=(10, 0.9 + 1.2 * len(examples)), layout="constrained")
    axes = figure.subplots(len(examples), 1, squeeze=False)[:, 0]
    colours = colormaps["tab10" if len(tags) <= 10 else "tab20"]
    for one, (true, found) in zip(axes, examples, strict=True):
        rows = np.stack([np.asarray(true), np.asarray(found)]) % colours.N
        one.imshow(
            rows,
            aspect="auto",
            interpolation="nearest",
            cmap=colours,
            vmin=-0.5,
            vmax=colours.N - 0.5,
            extent=(0.5, len(true) + 0.5, 1.5, -0.5),
        )
        one.axhline(0.5, color="white", linewidth=2)
        one.set(yticks=[0, 1], yticklabels=["true", "predicted"])
        one.set_title(f"recording of {len(true):,} frames", fontsize=8)
    axes[-1].set_xlabel("frame")
    patches = [Patch(color=colours(number % colours.N), label=tag) for number, tag in enumerate(tags)]
    figure.legend(handles=patches, loc="outside lower center", ncols=min(len(tags), 6), fontsize=8)
    return figure


def _linear(train: Any, found: Any, tags: Sequence[str]) -> FrameMetrics:
    """The metrics of logistic regression, fitted on the frames of one part, on those of another."""
    from sklearn.linear_model import LogisticRegression  # only now: it takes a second

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged in so many steps
        fitted = LogisticRegression(max_iter=300).fit(
            np.concatenate(train.features), np.concatenate(train.targets)
        )
    metrics = FrameMetrics(tags)
    for features, targets in zip(found.features, found.targets, strict=True):
        expected = torch.from_numpy(targets)[:, None]
        predicted = torch.from_numpy(fitted.predict(features))[:, None]
        metrics.update(expected, predicted, torch.ones_like(expected, dtype=torch.bool))
    return metrics
