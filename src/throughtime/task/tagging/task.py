"""Tagging: a tag for every token of a sentence, or for every frame of a recording."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from throughtime.data.batch import Batch
from throughtime.data.tagged.entity_schemes import allowed
from throughtime.decode.viterbi import constrained, viterbi
from throughtime.errors import UserError, check_choice
from throughtime.head.base import Head
from throughtime.head.crf import CRF
from throughtime.optim.optimization import Optimization
from throughtime.task.base import Task
from throughtime.task.export_graph import ExportGraph
from throughtime.task.symbol_axis import SymbolAxis
from throughtime.task.tagging.frames import FrameUnits
from throughtime.task.tagging.metrics import TagScores
from throughtime.task.tagging.units import TagUnits
from throughtime.task.tagging.words import WordUnits


class Tagging(Task):
    """p(z_1 .. z_n | sentence or recording): independent tags (`head=softmax`) or a chain of them (`head=crf`).

    Recordings may be cut into chunks, through which a causal model carries its state.

    Of a chain the most probable sequence is predicted (Viterbi), in which BIO tags keep their order: I-X follows
    B-X or I-X only. Sentences with a tag that training does not have are left out of the loss, which would be
    infinite; in all other metrics that tag counts as an error.

    Args:
        artifacts: what the data fitted, in plain containers.
        monitor: the metric that chooses the best checkpoint; None for entity F1 where the tags are those of
            entities, for macro F1 of frames, else accuracy.
        horizon: k2 of truncated backpropagation through time, of a causal model; None for the chunk's own length.

    Attributes:
        units: what is tagged, words or frames.
        scheme: the scheme of the training data's entity tags, or None.
        measured: the metrics of the last validation and the last test.

    Raises:
        UserError: a monitor that these tags do not have; chunks with a bidirectional model, or with a chain of tags.
    """

    name: ClassVar[str] = "tagging"
    kind: ClassVar[str] = "tags"
    monitor: ClassVar[str] = "val/accuracy"
    mode: ClassVar[str] = "max"
    directions: ClassVar[Mapping[str, str]] = dict.fromkeys(
        (
            *("accuracy", "accuracy_unseen", "f1", "macro_f1", "precision", "recall"),
            *("edit", "f1_10", "f1_25", "f1_50"),
        ),
        "max",
    )

    def __init__(
        self,
        model: nn.Module,
        head: Head,
        optimization: Optimization | None,
        artifacts: dict[str, Any],
        monitor: str | None = None,
        horizon: int | None = None,
    ) -> None:
        super().__init__(model, head, optimization, horizon)
        self.units: TagUnits = FrameUnits(artifacts) if "frames" in artifacts else WordUnits(artifacts)
        self.scheme = self.units.scheme
        self.monitor = monitor or self.units.monitors[0]
        self.mode = "min" if self.monitor == "val/loss" else "max"
        check_choice(self.units.monitors, monitor=self.monitor)
        if self.units.chunked and not self.is_causal:
            raise UserError(
                "data.chunk_length cuts recordings, and a bidirectional model reads whole ones; set "
                "data.chunk_length=null, or model=frame_tagger_causal"
            )
        if self.units.chunked and isinstance(head, CRF):
            raise UserError(
                "data.chunk_length cuts recordings, and head=crf scores the whole chain of their tags; set "
                "data.chunk_length=null, or head=softmax"
            )
        self.measured: dict[str, TagScores] = {}
        self._unfinished = {stage: self.units.new_metrics() for stage in ("val", "test")}
        constraints = allowed(self.units.tags if self.scheme else [])
        first, pairs = map(torch.from_numpy, constraints)
        self.register_buffer("_allowed_first", first, persistent=False)
        self.register_buffer("_allowed", pairs, persistent=False)

    def chunk_loss(self, stage: str, batch: Batch) -> tuple[Tensor, int]:
        features = self.carried[stage].run(self.model, batch.chunk)
        last = len(self.units.tags) - 1
        running = batch.target_mask()
        mask = running & ((batch.targets <= last) | ~running).all(0)
        if stage != "train":
            self.update_metrics(stage, batch, features)
        return self.head.loss(features, batch.targets.clamp(max=last), mask), int(mask.sum())

    def symbol_axes(self) -> Mapping[str, Sequence[SymbolAxis]]:
        tags = SymbolAxis("tags", self.units.tags)
        return {
            **self.units.symbol_axes(),
            "head.transitions": (tags, tags),
            **dict.fromkeys(("head.weight", "head.bias", "head.first", "head.last"), (tags,)),
        }

    def update_metrics(self, stage: str, batch: Batch, features: Tensor) -> None:
        mask = batch.target_mask()
        self.units.update(self._unfinished[stage], batch, self.predictions(features, mask), mask)

    def metrics(self, stage: str, loss: float) -> Mapping[str, float]:
        self.measured[stage] = self._unfinished[stage].over_all_ranks()
        self._unfinished[stage] = self.units.new_metrics()
        return self.measured[stage].values()

    def summary_table(self) -> str:
        """The model beside a baseline; of the test where there was one."""
        stage = next((stage for stage in ("test", "val") if stage in self.measured), None)
        return "" if stage is None else self.units.summary(stage, self.measured[stage], self)

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
        self.units.predict(self, options)

    def export_graph(self) -> ExportGraph:
        return self.units.export_graph(self)
