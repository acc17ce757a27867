"""`WordUnits`: a tagger's words, their lexicon and the format of their files."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from jaxtyping import Bool, Int
from torch import Tensor

from throughtime.data.batch import Batch
from throughtime.data.tagged.format_detection import format_from_state
from throughtime.data.tagged.lexicon import UNSEEN_WORD, Lexicon
from throughtime.data.tagged.sentences import Format
from throughtime.data.word_inputs import PAD, UNKNOWN
from throughtime.task.export_graph import ExportGraph
from throughtime.task.symbol_axis import SymbolAxis
from throughtime.task.tagging.metrics import TagMetrics
from throughtime.task.tagging.units import TagUnits


class WordUnits(TagUnits):
    """Words of sentences, whose baseline is the most frequent tag of each word.

    Args:
        artifacts: what the data fitted, in plain containers.

    Attributes:
        lexicon: the ids of words, characters and tags.
        format: that of the training data.
    """

    def __init__(self, artifacts: Mapping[str, Any]) -> None:
        self.lexicon = Lexicon(**artifacts["lexicon"])
        self.tags = self.lexicon.tags
        self.scheme = artifacts["scheme"]
        self.signs: list[str] = artifacts["signs"]
        self.format: Format = format_from_state(artifacts["format"])
        self.monitors = ("val/accuracy", "val/macro_f1", "val/loss")
        if self.scheme is not None:
            self.monitors = ("val/f1", *self.monitors)

    def new_metrics(self) -> TagMetrics:
        return TagMetrics(self.tags, self.signs, entities=self.scheme is not None)

    def update(
        self, metrics: TagMetrics, batch: Batch, predicted: Int[Tensor, "T B"], mask: Bool[Tensor, "T B"]
    ) -> None:
        metrics.update(batch.targets, predicted, batch.inputs.majority_tag, batch.inputs.seen, mask)

    def symbol_axes(self) -> Mapping[str, Sequence[SymbolAxis]]:
        return {
            "model.front.weight": (SymbolAxis("words", [UNSEEN_WORD, *self.lexicon.words]),),
            "model.front.characters.embedding.weight": (
                SymbolAxis("characters", [PAD, UNKNOWN, *self.lexicon.characters]),
            ),
        }

    def summary(self, stage: str, measured: TagMetrics, task: Any) -> str:
        """Accuracy beside that of each word's most frequent tag."""
        lines = [f"{stage:16}{'this model':>12}{'most frequent tag':>20}{'tokens':>10}"]
        for name, own, majority, count in measured.against_baseline():
            lines.append(f"{name:16}{own:12.2%}{majority:20.2%}{count:10,}")
        return "\n".join(lines)

    def predict(self, task: Any, options: argparse.Namespace) -> None:
        from throughtime.task.tagging.predict import predict

        predict(task, options.input, options.output, options.probabilities, options.encoding, options.format)

    def export_graph(self, task: Any) -> ExportGraph:
        from throughtime.task.tagging.export_graph import export_graph

        return export_graph(task)
