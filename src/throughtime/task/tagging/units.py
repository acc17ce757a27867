"""`TagUnits`: what a tagger needs to know of the kind of things that it tags, words or frames."""

import argparse
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from jaxtyping import Bool, Int
from torch import Tensor

from throughtime.data.batch import Batch
from throughtime.task.export_graph import ExportGraph
from throughtime.task.symbol_axis import SymbolAxis


class TagUnits(ABC):
    """Tags, metrics and commands of a tagger of one kind of data.

    Attributes:
        tags: their names.
        scheme: of tags of entities; None where the tags are none.
        chunked: whether sequences are cut into chunks.
        monitors: the metrics that may choose the best checkpoint; the first is the default.
    """

    tags: list[str]
    scheme: str | None = None
    chunked: bool = False
    monitors: Sequence[str]

    @abstractmethod
    def new_metrics(self) -> Any:
        """Empty counts, with `over_all_ranks`, `values` and all that tables and figures show (`TagScores`)."""

    @abstractmethod
    def update(
        self, metrics: Any, batch: Batch, predicted: Int[Tensor, "T B"], mask: Bool[Tensor, "T B"]
    ) -> None:
        """Count a batch."""

    @abstractmethod
    def symbol_axes(self) -> Mapping[str, Sequence[SymbolAxis]]:
        """Symbols of the first axes of weights besides those of tags, by the weights' names."""

    @abstractmethod
    def summary(self, stage: str, measured: Any, task: Any) -> str:
        """The table of a run's summary: the model beside a baseline; the task is attached to the run's trainer."""

    @abstractmethod
    def predict(self, task: Any, options: argparse.Namespace) -> None:
        """Tag a file: `scripts/predict.py`."""

    @abstractmethod
    def export_graph(self, task: Any) -> ExportGraph:
        """The graph of `scripts/export.py --format onnx`."""
