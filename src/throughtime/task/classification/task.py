"""Classification of sequences: one class, or several labels at once, from all of their steps."""

import argparse
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from throughtime.data.batch import Batch, Chunk
from throughtime.data.labelled.batches import LabelledBatches
from throughtime.data.labelled.standardise import Standardiser
from throughtime.errors import UserError, check_choice
from throughtime.head.base import Head
from throughtime.head.sigmoid import Sigmoid
from throughtime.head.softmax import Softmax
from throughtime.optim.optimization import Optimization
from throughtime.task.base import Task
from throughtime.task.classification.baselines import compare, table
from throughtime.task.classification.metrics import ClassMetrics, task_numbers
from throughtime.task.classification.mirror import Mirror
from throughtime.task.export_graph import ExportGraph
from throughtime.task.symbol_axis import SymbolAxis
from throughtime.task.tbptt import TruncatedBPTT
from throughtime.tree import length_mask

_CLASSES = ("val/accuracy", "val/balanced_accuracy", "val/macro_f1", "val/auroc", "val/loss")
_LABELS = ("val/macro_f1", "val/micro_f1", "val/average_precision", "val/auroc", "val/loss")

BATCH_SIZE = 64
"""Sequences of a batch in prediction."""

LARGEST_MIXUP = 100
"""Of α: the two parts of a mixture are about equal."""

STREAMED = 256
"""Steps of a chunk in which a running prediction is computed."""


class Classification(Task):
    """p(class | x_1 .. x_n) = head(pooling(features)), for a whole sequence.

    Sequences may be cut into chunks, through which the state of layers and pooling is carried; the target counts in the
    chunk with the last step. Of causal layers, p(class | x_1 .. x_t) can be read off every step t.

    Data of several tasks (`MultitaskData`) number the classes of all of them, and the head gives p(class | task): then
    metrics are those of each task and their means over tasks.

    Where a sequence is equal to one from its other end (`SequenceSource.mirror`), p is the mean of those for the two in
    evaluation and prediction, and a measured loss the mean of their losses; training and running predictions read the
    sequence as it is.

    With `mixup`, training reads mixtures of pairs of sequences (Zhang et al. 2018, arXiv 1710.09412): λ x + (1 - λ) x'
    with the loss λ L(y) + (1 - λ) L(y'), where the batch in another order gives x' and y', and λ of a batch is drawn
    from Beta(mixup, mixup). A sequence that has ended counts as 0, the mean of standardised features.

    Args:
        artifacts: what the data fitted, in plain containers.
        monitor: the metric that chooses the best checkpoint; None for accuracy, and for macro F1 where several labels
            may hold at once.
        horizon: k2 of truncated backpropagation through time; None for the chunk's own length.
        mixup: α of the mixtures, of features only; 0 for none.

    Attributes:
        labels: the names of the classes, or of the labels.
        multilabel: whether several labels may hold at once.
        standardiser: of features.
        tasks: the classes of each of several tasks by its name; empty for a single one.
        artifacts: as given.
        mirror: turns sequences to their other end; None where only they themselves are read.
        measured: the metrics of the last validation and the last test.

    Raises:
        UserError: a monitor that there is not, a head of the other kind, chunks with a bidirectional model, with
            mixtures or with sequences that are read from both ends, or mixtures of ids.
    """

    name: ClassVar[str] = "classification"
    kind: ClassVar[str] = "labels"
    monitor: ClassVar[str] = "val/accuracy"
    mode: ClassVar[str] = "max"
    directions: ClassVar[Mapping[str, str]] = dict.fromkeys(
        [
            "accuracy",
            "balanced_accuracy",
            "macro_f1",
            "micro_f1",
            "auroc",
            "average_precision",
            "exact_match",
        ],
        "max",
    ) | {"calibration_error": "min"}

    def __init__(
        self,
        model: nn.Module,
        head: Head,
        optimization: Optimization | None,
        artifacts: dict[str, Any],
        monitor: str | None = None,
        horizon: int | None = None,
        mixup: float | int = 0.0,
    ) -> None:
        super().__init__(model, head, optimization, horizon)
        if not 0 <= mixup <= LARGEST_MIXUP:
            raise UserError(f"task.mixup={mixup} must be from 0 to {LARGEST_MIXUP}")
        if mixup and (artifacts["symbols"] is not None or artifacts["chunked"]):
            raise UserError(
                f"task.mixup={mixup} mixes the features of whole sequences; set task.mixup=0 for ids and for "
                "data.chunk_length"
            )
        self.mixup = mixup
        self.artifacts = artifacts
        self.labels: list[str] = list(artifacts["labels"])
        self.multilabel: bool = artifacts["multilabel"]
        self.standardiser = Standardiser.from_state(artifacts["standardiser"])
        self.tasks: dict[str, list[str]] = {
            one["name"]: list(one["labels"]) for one in artifacts.get("tasks", ())
        }
        self.monitor = monitor or ("val/macro_f1" if self.multilabel else "val/accuracy")
        self.mode = "min" if self.monitor == "val/loss" else "max"
        choices = [*(_LABELS if self.multilabel else _CLASSES)]
        choices += [name.replace("/", f"/{task}/") for task in self.tasks for name in _CLASSES[:-1]]
        check_choice(choices, monitor=self.monitor)
        if self.multilabel and isinstance(head, Softmax):
            raise UserError("several labels may hold at once in these data, which needs head=sigmoid")
        if not self.multilabel and isinstance(head, Sigmoid):
            raise UserError("each sequence of these data has one class, which needs head=softmax")
        if artifacts["chunked"] and not self.is_causal:
            raise UserError(
                "data.chunk_length cuts sequences, and a bidirectional model reads whole ones; set "
                "data.chunk_length=null, or model=classifier (of several tasks: multitask_uniform or multitask_coupled)"
            )
        order = artifacts.get("mirror")
        if artifacts["chunked"] and order is not None:
            raise UserError(
                "data.source.both_strands reads whole sequences from both ends, and data.chunk_length cuts them; set "
                "data.chunk_length=null, or data.source.both_strands=false"
            )
        if order is not None and self.standardiser.kind == "group":
            raise UserError(
                "data.source.both_strands=true and data.standardise=group exclude each other; set data.standardise=none"
            )
        self.mirror = None if order is None else Mirror(order, self.standardiser)
        self.measured: dict[str, ClassMetrics] = {}
        self._unfinished = {stage: self._new_metrics() for stage in ("val", "test")}

    def symbol_axes(self) -> Mapping[str, Sequence[SymbolAxis]]:
        axes = dict.fromkeys(("head.weight", "head.bias"), (SymbolAxis("classes", self.labels),))
        if self.artifacts["symbols"] is not None:
            symbols = SymbolAxis("symbols", self.artifacts["symbols"])
            axes |= dict.fromkeys(("model.front.layer.weight", "model.front.weight"), (symbols,))
            if self.tasks:
                own = self.artifacts["symbols"][: len(symbols.symbols) // len(self.tasks)]
                pairs = [f"{task}/{symbol}" for task in self.tasks for symbol in own]
                axes["model.front.shared.weight"] = (SymbolAxis("symbols", own),)
                axes["model.front.own.weight"] = (SymbolAxis("symbols of tasks", pairs),)
        return axes

    def chunk_loss(self, stage: str, batch: Batch) -> tuple[Tensor, int]:
        if stage == "train" and self.mixup:
            return self._mixed_loss(batch), batch.count()
        if stage == "train" or self.mirror is None:
            return super().chunk_loss(stage, batch)
        both = [
            self.head_features(one, self.carried[stage].run(self.model, one.chunk))
            for one in (batch, self.mirror.batch(batch))
        ]
        self._count(stage, batch, torch.stack([self.head.predict(one).exp() for one in both]).mean(0))
        losses = [self.head.loss(one, batch.targets, batch.target_mask()) for one in both]
        return torch.stack(losses).mean(), batch.count()

    def update_metrics(self, stage: str, batch: Batch, features: Tensor) -> None:
        self._count(stage, batch, self.head.predict(features).exp())

    def _mixed_loss(self, batch: Batch) -> Tensor:
        """The loss of mixtures of the sequences of a batch with those of the batch in another order."""
        share = float(torch.distributions.Beta(self.mixup, self.mixup).sample())
        order = torch.randperm(batch.chunk.batch_size).to(batch.inputs.device)
        batch = batch._replace(chunk=mixed(batch.chunk, order, share))
        features = self.head_features(batch, self.carried["train"].run(self.model, batch.chunk))
        own, others = (
            self.head.loss(features, targets, batch.target_mask())
            for targets in (batch.targets, batch.targets[order])
        )
        return share * own + (1 - share) * others

    def _count(self, stage: str, batch: Batch, probabilities: Float[Tensor, "B K"]) -> None:
        """Add the predictions for a batch to the metrics of a stage."""
        targets = batch.targets
        mask = batch.target_mask()
        if mask is not None:
            probabilities, targets = probabilities[mask], targets[mask]
        self._unfinished[stage].update(probabilities, targets)

    def metrics(self, stage: str, loss: float) -> Mapping[str, float]:
        self.measured[stage] = self._unfinished[stage].over_all_ranks()
        self._unfinished[stage] = self._new_metrics()
        # Where only first chunks were read, as in the check before training, no target has counted yet.
        unknown = {self.monitor.partition("/")[2]: math.nan} if self.monitor != "val/loss" else {}
        return self.measured[stage].values() or unknown

    def summary_table(self) -> str:
        """The model beside the baselines, on the test part."""
        if "test" not in self.measured or not self.measured["test"].values():
            return ""
        if self.tasks:
            return table({"mean over tasks": self.measured["test"]} | self.measured["test"].by_task(), "test")
        data: Any = self.trainer.datamodule
        train, test = data.part("train"), data.part("test")
        if not len(train):
            return table({"this model": self.measured["test"]}, "test")
        baselines, sentence = compare(train, test, self, data.series())
        return "\n".join(
            filter(None, [table({"this model": self.measured["test"], **baselines}, "test"), sentence])
        )

    @torch.inference_mode()
    def probabilities(self, sequences: Sequence[np.ndarray]) -> Float[Tensor, "N K"]:
        """The probability of every class for each sequence, as it was read, in their order.

        Of several tasks, the classes of other tasks than the sequence's own have the probability 0. Where features are
        standardised by groups, all of the sequences are one.
        """
        batches = LabelledBatches(
            sequences,
            None,
            self.standardiser,
            BATCH_SIZE,
            shuffle=False,
            chunk_length=self.artifacts["chunk_length"],
        )
        found = torch.zeros(len(sequences), len(self.labels))
        carried = TruncatedBPTT()
        for lanes, number in batches.buckets.chunks():
            batch = self.transfer_batch_to_device(batches.batch(lanes, number), self.device, 0)
            ends = [batch] if self.mirror is None else [batch, self.mirror.batch(batch)]
            features = [self.head_features(one, carried.run(self.model, one.chunk)) for one in ends]
            # Later chunks of the same sequences write over this: the last one has read all of them.
            mean = torch.stack([self.head.predict(one).exp() for one in features]).mean(0)
            found[torch.from_numpy(lanes)] = self._of_own_task(mean, batch.inputs[0]).float().cpu()
        return found

    @torch.inference_mode()
    def running_probabilities(
        self, sequence: np.ndarray, standardiser: Standardiser | None = None
    ) -> Float[Tensor, "T K"]:
        """p(class | x_1 .. x_t) of one sequence, as it was read, at every step t.

        Args:
            sequence: ids or features.
            standardiser: of the sequence's group (`Standardiser.of_groups`); None for that of the task.

        Raises:
            UserError: the model is bidirectional, and a step's features follow from later steps too.
        """
        if not self.is_causal:
            raise UserError(
                "a bidirectional model reads a sequence to its end before it says anything; train a causal one "
                "(model=classifier)"
            )
        carried, parts = TruncatedBPTT(), []
        inputs = torch.from_numpy((standardiser or self.standardiser)(sequence))[:, None].to(self.device)
        for start in range(0, len(sequence), STREAMED):
            chunk = Chunk(inputs[start : start + STREAMED], fresh=start == 0)
            features = carried.run(self.model, chunk)
            probabilities = self._of_own_task(self.head.predict(features).exp(), chunk.inputs)
            parts.append(probabilities[:, 0].float().cpu())
        return torch.cat(parts)

    @classmethod
    def add_predict_options(cls, parser: argparse.ArgumentParser) -> None:
        from throughtime.task.classification.predict import add_options

        add_options(parser)

    def predict(self, options: argparse.Namespace, config: Mapping[str, Any]) -> None:
        from throughtime.task.classification.predict import predict

        chosen = options.task or (config.get("data") or {}).get("task")
        predict(self, options.input, options.output, options.stream, chosen)

    def next_commands(self, run: str) -> list[tuple[str, str]]:
        of_task = f" --task {next(iter(self.tasks))}" if self.tasks else ""
        return [(label, command + of_task) for label, command in super().next_commands(run)]

    def export_graph(self) -> ExportGraph:
        from throughtime.task.classification.export_graph import export_graph

        return export_graph(self)

    def _of_own_task(self, probabilities: Float[Tensor, "*T B K"], inputs: Tensor) -> Float[Tensor, "*T B K"]:
        """The probabilities with those of other tasks than that of the ids `[*T, B]` set to 0."""
        if not self.tasks:
            return probabilities
        tasks = inputs // (len(self.artifacts["symbols"]) // len(self.tasks))
        return probabilities * (task_numbers(self.tasks, inputs.device) == tasks[..., None])

    def _new_metrics(self) -> ClassMetrics:
        return ClassMetrics(self.labels, self.multilabel, self.tasks)


def mixed(chunk: Chunk, order: Int[Tensor, " B"], share: float) -> Chunk:
    """λ x + (1 - λ) x' of whole sequences x and those x' of the same chunk in another order, each 0 after its end."""
    inputs, lengths = chunk.inputs, chunk.lengths
    if lengths is not None:
        inputs = torch.where(length_mask(lengths, len(inputs))[..., None], inputs, 0)
        lengths = torch.maximum(lengths, lengths[order])
    return chunk._replace(inputs=torch.lerp(inputs[:, order], inputs, share), lengths=lengths)
