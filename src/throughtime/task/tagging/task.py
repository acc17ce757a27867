"""Tagging: a tag for every token of a sentence."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from throughtime.data.batch import Batch
from throughtime.data.tagged.entity_schemes import allowed
from throughtime.data.tagged.format_detection import format_from_state
from throughtime.data.tagged.lexicon import UNSEEN_WORD, Lexicon
from throughtime.data.tagged.sentences import Format
from throughtime.data.word_inputs import PAD, UNKNOWN
from throughtime.decode.viterbi import constrained, viterbi
from throughtime.errors import check_choice
from throughtime.head.base import Head
from throughtime.head.crf import CRF
from throughtime.optim.optimization import Optimization
from throughtime.task.base import Task
from throughtime.task.export_graph import ExportGraph
from throughtime.task.symbol_axis import SymbolAxis
from throughtime.task.tagging.metrics import TagMetrics

MONITORS = ("val/accuracy", "val/macro_f1", "val/f1", "val/loss")


class Tagging(Task):
    """p(z_1 .. z_n | sentence): independent tags (`head=softmax`) or a chain of them (`head=crf`).

    Of a chain the most probable sequence is predicted (Viterbi), in which BIO tags keep their order: I-X follows
    B-X or I-X only. Sentences with a tag that training does not have are left out of the loss, which would be
    infinite; in all other metrics that tag counts as an error.

    Args:
        artifacts: what the data fitted, in plain containers.
        monitor: the metric that chooses the best checkpoint; None for entity F1 where the tags are those of
            entities, else accuracy.

    Attributes:
        lexicon: the ids of words, characters and tags.
        scheme: the scheme of the training data's entity tags, or None.
        format: that of the training data.
        measured: the metrics of the last validation and the last test.

    Raises:
        UserError: a monitor that these tags do not have.
    """

    name: ClassVar[str] = "tagging"
    kind: ClassVar[str] = "tags"
    monitor: ClassVar[str] = "val/accuracy"
    mode: ClassVar[str] = "max"
    directions: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("accuracy", "accuracy_unseen", "f1", "macro_f1", "precision", "recall"), "max"
    )

    def __init__(
        self,
        model: nn.Module,
        head: Head,
        optimization: Optimization | None,
        artifacts: dict[str, Any],
        monitor: str | None = None,
    ) -> None:
        super().__init__(model, head, optimization)
        self.lexicon = Lexicon(**artifacts["lexicon"])
        self.scheme: str | None = artifacts["scheme"]
        self.signs: list[str] = artifacts["signs"]
        self.format: Format = format_from_state(artifacts["format"])
        self.monitor = monitor or ("val/f1" if self.scheme else "val/accuracy")
        self.mode = "min" if self.monitor == "val/loss" else "max"
        check_choice([name for name in MONITORS if self.scheme or name != "val/f1"], monitor=self.monitor)
        self.measured: dict[str, TagMetrics] = {}
        self._unfinished = {stage: self._new_metrics() for stage in ("val", "test")}
        constraints = allowed(self.lexicon.tags if self.scheme else [])
        first, pairs = map(torch.from_numpy, constraints)
        self.register_buffer("_allowed_first", first, persistent=False)
        self.register_buffer("_allowed", pairs, persistent=False)

    def chunk_loss(self, stage: str, batch: Batch) -> tuple[Tensor, int]:
        features = self.carried[stage].run(self.model, batch.chunk)
        last = len(self.lexicon.tags) - 1
        running = batch.target_mask()
        mask = running & ((batch.targets <= last) | ~running).all(0)
        if stage != "train":
            self.update_metrics(stage, batch, features)
        return self.head.loss(features, batch.targets.clamp(max=last), mask), int(mask.sum())

    def symbol_axes(self) -> Mapping[str, Sequence[SymbolAxis]]:
        words = SymbolAxis("words", [UNSEEN_WORD, *self.lexicon.words])
        characters = SymbolAxis("characters", [PAD, UNKNOWN, *self.lexicon.characters])
        tags = SymbolAxis("tags", self.lexicon.tags)
        return {
            "model.front.weight": (words,),
            "model.front.characters.embedding.weight": (characters,),
            "head.transitions": (tags, tags),
            **dict.fromkeys(("head.weight", "head.bias", "head.first", "head.last"), (tags,)),
        }

    def update_metrics(self, stage: str, batch: Batch, features: Tensor) -> None:
        mask = batch.target_mask()
        inputs = batch.inputs
        self._unfinished[stage].update(
            batch.targets, self.predictions(features, mask), inputs.majority_tag, inputs.seen, mask
        )

    def metrics(self, stage: str, loss: float) -> Mapping[str, float]:
        self.measured[stage] = self._unfinished[stage].over_all_ranks()
        self._unfinished[stage] = self._new_metrics()
        return self.measured[stage].values()

    def summary_table(self) -> str:
        """Accuracy beside that of each word's most frequent tag; of the test where there was one."""
        stage = next((stage for stage in ("test", "val") if stage in self.measured), None)
        if stage is None:
            return ""
        lines = [f"{stage:16}{'this model':>12}{'most frequent tag':>20}{'tokens':>10}"]
        for name, own, majority, count in self.measured[stage].against_baseline():
            lines.append(f"{name:16}{own:12.2%}{majority:20.2%}{count:10,}")
        return "\n".join(lines)

    def predictions(self, features: Float[Tensor, "T B H"], mask: Bool[Tensor, "T B"]) -> Int[Tensor, "T B"]:
        """The most probable tags: of each step alone, or of the whole chain."""
        if not isinstance(self.head, CRF):
            return self.head.predict(features).argmax(-1)
        head = self.head
        transitions, first = head.transitions, head.first
        if self.scheme is not None:
            transitions, first = constrained(transitions, first, self._allowed, self._allowed_first)
        return viterbi(head.emissions(features), transitions, first, head.last, mask)

    def probabilities(
        self, features: Float[Tensor, "T B H"], mask: Bool[Tensor, "T B"]
    ) -> Float[Tensor, "T B K"]:
        """The probability of every tag at each step."""
        chain = (mask,) if isinstance(self.head, CRF) else ()
        return self.head.predict(features, *chain).exp()

    @classmethod
    def add_predict_options(cls, parser: argparse.ArgumentParser) -> None:
        from throughtime.task.tagging.predict import add_options

        add_options(parser)

    def predict(self, options: argparse.Namespace, config: Mapping[str, Any]) -> None:
        from throughtime.task.tagging.predict import predict

        predict(self, options.input, options.output, options.probabilities, options.encoding, options.format)

    def export_graph(self) -> ExportGraph:
        from throughtime.task.tagging.export_graph import export_graph

        return export_graph(self)

    def _new_metrics(self) -> TagMetrics:
        return TagMetrics(self.lexicon.tags, self.signs, entities=self.scheme is not None)
