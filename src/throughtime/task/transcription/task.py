"""Transcription of sequences of frames into symbols, by connectionist temporal classification."""

import argparse
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from throughtime.data.batch import Batch, Chunk
from throughtime.data.labelled.standardise import Standardiser
from throughtime.data.transcribed.batches import padded_chunk
from throughtime.data.transcribed.data import FEW, TranscribedPart
from throughtime.decode.ctc_path import BLANK, SymbolSpan, align, best_path, log_likelihood
from throughtime.decode.prefix_beam import PrefixBeam
from throughtime.errors import UserError, check_choice
from throughtime.head.base import Head
from throughtime.head.ctc import CTC, CTCTargets
from throughtime.model.subsampled import SubsampledModel
from throughtime.optim.optimization import Optimization
from throughtime.task.base import Task
from throughtime.task.export_graph import ExportGraph
from throughtime.task.symbol_axis import SymbolAxis
from throughtime.task.transcription.metrics import Transcribed, TranscriptMetrics

log = logging.getLogger(__name__)

MONITORS = ("val/cer", "val/wer", "val/sentence_accuracy", "val/loss")

BATCH_SIZE = 32
"""Sequences of a batch in prediction."""

STREAMED = 16
"""Steps of a chunk that is read in streaming."""


class Transcript(NamedTuple):
    """A predicted transcript.

    Attributes:
        text: its symbols.
        spans: the steps of each symbol on the most probable path.
        log_probability: log p(text | frames).
    """

    text: str
    spans: list[SymbolSpan]
    log_probability: float


class Transcription(Task):
    """p(symbols | frames) = CTC(features), whose steps may be fewer than the frames (`SubsampledModel`).

    A sequence with fewer steps than its transcript needs counts in the metrics and not in the loss. They are
    named before training, and those of the test before the test.

    Args:
        artifacts: what the data fitted, in plain containers.
        monitor: the metric that chooses the best checkpoint.
        beam: the width of the prefix beam search of validation and test; 0 for greedy decoding.

    Attributes:
        symbols: all that transcripts may have.
        standardiser: of features.
        artifacts: as given.
        measured: the metrics of the last validation and the last test.
        left_out: training sequences so far that were left out of the loss.

    Raises:
        UserError: a monitor that there is not, or a head or a model of another kind.
    """

    name: ClassVar[str] = "transcription"
    kind: ClassVar[str] = "transcribed"
    monitor: ClassVar[str] = "val/cer"
    directions: ClassVar[Mapping[str, str]] = {"cer": "min", "wer": "min", "sentence_accuracy": "max"}

    def __init__(
        self,
        model: nn.Module,
        head: Head,
        optimization: Optimization | None,
        artifacts: dict[str, Any],
        monitor: str = "val/cer",
        beam: int = 0,
    ) -> None:
        super().__init__(model, head, optimization)
        check_choice(MONITORS, **{"task.monitor": monitor})
        if not isinstance(head, CTC):
            raise UserError("transcripts have no symbol for each step, which needs head=ctc")
        if not isinstance(model, SubsampledModel):
            raise UserError("transcripts need model=transcriber or model=transcriber_causal")
        if beam < 0:
            raise UserError(f"task.beam={beam} must be 0 for greedy decoding, or the prefixes of a beam")
        self.artifacts = artifacts
        self.symbols: list[str] = list(artifacts["symbols"])
        self.standardiser = Standardiser.from_state(artifacts["standardiser"])
        self.monitor = monitor
        self.mode = "max" if monitor == "val/sentence_accuracy" else "min"
        self.beam = PrefixBeam(beam) if beam else None
        self.measured: dict[str, TranscriptMetrics] = {}
        self.left_out = 0
        self._unfinished = {stage: TranscriptMetrics() for stage in ("val", "test")}

    def setup(self, stage: str) -> None:
        super().setup(stage)
        part = getattr(self.trainer.datamodule, "part", None)
        if part is None or not self.trainer.is_global_zero:
            return
        for split in {"fit": ("train", "val"), "test": ("test",)}.get(stage, ()):
            self._name_unalignable(split, part(split))

    def symbol_axes(self) -> Mapping[str, Sequence[SymbolAxis]]:
        axis = SymbolAxis("symbols", ["<blank>", *self.symbols])
        return dict.fromkeys(("head.weight", "head.bias"), (axis,))

    def chunk_loss(self, stage: str, batch: Batch) -> tuple[Tensor, int]:
        features, steps = self.step_features(batch.chunk)
        targets = CTCTargets(batch.targets.symbols, batch.targets.counts, steps)
        alignable = targets.alignable()
        mask = batch.target_mask() & alignable[:, None]
        if stage == "train":
            self._count_left_out(int((batch.target_mask().any(1) & ~alignable).sum()))
        else:
            self._add(stage, batch, self.head.predict(features), targets)
        return self.head.loss(features, targets, mask), int(mask.sum())

    def step_features(self, chunk: Chunk) -> tuple[Float[Tensor, "T B H"], Int[Tensor, " B"]]:
        """The features of whole sequences, and the steps of each."""
        state = self.model.initial_state(chunk.batch_size)
        features, _ = self.model(chunk.inputs, state, chunk.lengths)
        lengths = chunk.lengths
        if lengths is None:
            lengths = torch.full((chunk.batch_size,), chunk.steps, device=features.device)
        return features, self.model.output_lengths(lengths)

    def metrics(self, stage: str, loss: float) -> Mapping[str, float]:
        self.measured[stage] = self._unfinished[stage].over_all_ranks()
        self._unfinished[stage] = TranscriptMetrics()
        unknown = {self.monitor.partition("/")[2]: math.nan} if self.monitor != "val/loss" else {}
        return self.measured[stage].values() or unknown

    @torch.inference_mode()
    def log_probabilities(self, sequences: Sequence[np.ndarray]) -> list[Float[np.ndarray, "T K"]]:
        """log p(class | step) of each sequence, as it was read, in their order."""
        found: list[np.ndarray] = [np.zeros((0, 0))] * len(sequences)
        order = np.argsort([len(sequence) for sequence in sequences], kind="stable")
        for start in range(0, len(order), BATCH_SIZE):
            lanes = order[start : start + BATCH_SIZE]
            chunk = padded_chunk([self.standardiser(sequences[lane]) for lane in lanes])
            batch = self.transfer_batch_to_device(Batch(chunk, None), self.device, 0)
            features, steps = self.step_features(batch.chunk)
            predicted = self.head.predict(features).float().cpu().numpy()
            for place, (lane, count) in enumerate(zip(lanes, steps.tolist(), strict=True)):
                found[lane] = predicted[:count, place]
        return found

    def transcript(
        self, log_probabilities: Float[np.ndarray, "T K"], beam: PrefixBeam | None = None
    ) -> Transcript:
        """The transcript of one sequence, greedy or by a beam search."""
        symbols = best_path(log_probabilities) if beam is None else beam(log_probabilities)[0].symbols
        return Transcript(
            self.text(symbols), align(log_probabilities, symbols), log_likelihood(log_probabilities, symbols)
        )

    @torch.inference_mode()
    def stream(self, sequence: np.ndarray) -> Iterator[tuple[str, int]]:
        """Each symbol of one sequence as soon as its first frames were read, and its step, by greedy decoding.

        Raises:
            UserError: the model is bidirectional, or standardises by the whole sequence.
        """
        if not self.model.is_causal:
            raise UserError(
                "a bidirectional model reads a sequence to its end before it says anything; train a causal one "
                "(model=transcriber_causal)"
            )
        if self.standardiser.kind == "sequence":
            raise UserError(
                "data.standardise=sequence needs a sequence to its end; train with data.standardise=channel to stream"
            )
        inputs = torch.from_numpy(self.standardiser(sequence))[:, None].to(self.device)
        state, before, first = self.model.initial_state(1), BLANK, 0
        for chunk in inputs.split(STREAMED * self.model.factor):
            features, state = self.model(chunk, state)
            for step, one in enumerate(self.head.predict(features)[:, 0].argmax(-1).tolist(), start=first):
                if one not in (before, BLANK):
                    yield self.symbols[one - 1], step
                before = one
            first += len(features)

    def text(self, symbols: Sequence[int]) -> str:
        """The text of symbols, from 1 on."""
        return "".join(self.symbols[number - 1] for number in symbols)

    def time_of(self, step: int) -> float:
        """The middle of a step: in seconds where frames are equally far from each other in time, else in frames."""
        return (step + 0.5) * self.model.factor * (self.artifacts["step_seconds"] or 1)

    @classmethod
    def add_predict_options(cls, parser: argparse.ArgumentParser) -> None:
        from throughtime.task.transcription.predict import add_options

        add_options(parser)

    def predict(self, options: argparse.Namespace, config: Mapping[str, Any]) -> None:
        from throughtime.task.transcription.predict import predict

        predict(self, options)

    def export_graph(self) -> ExportGraph:
        from throughtime.task.transcription.export_graph import export_graph

        return export_graph(self)

    def _add(
        self, stage: str, batch: Batch, log_probabilities: Float[Tensor, "T B K"], targets: CTCTargets
    ) -> None:
        """Decode one evaluation batch."""
        counted = batch.target_mask().any(1).tolist()
        predicted = log_probabilities.detach().float().cpu().numpy()
        alignable, steps = targets.alignable().tolist(), targets.steps.tolist()
        numbers, counts = batch.targets.numbers.tolist(), targets.counts.tolist()
        for lane, symbols in enumerate(targets.symbols.tolist()):
            if counted[lane]:
                own = predicted[: steps[lane], lane]
                found = best_path(own) if self.beam is None else self.beam(own)[0].symbols
                one = Transcribed(
                    numbers[lane], self.text(symbols[: counts[lane]]), self.text(found), alignable[lane]
                )
                self._unfinished[stage].update([one])

    def _count_left_out(self, count: int) -> None:
        if count and not self.left_out:
            log.warning(
                "a training sequence has fewer steps than its transcript needs, and is left out of the loss; "
                "a smaller model.front.factor gives more steps"
            )
        self.left_out += count

    def _name_unalignable(self, split: str, part: TranscribedPart) -> None:
        """Warn of sequences whose transcripts are longer than their steps."""
        names = []
        for name, sequence, text in zip(part.names, part.sequences, part.texts, strict=True):
            steps = int(self.model.output_lengths(torch.tensor([len(sequence)])))
            needed = len(text) + sum(map(str.__eq__, text[1:], text[:-1]))
            if steps < needed:
                names.append(f"{name} ({steps} steps, {needed} needed)")
        if names:
            listed = ", ".join(names[:FEW]) + (", …" if len(names) > FEW else "")
            log.warning(
                "%d of %d sequences of the %s part have fewer steps than their transcripts need, and are left out "
                "of the loss: %s; a smaller model.front.factor gives more steps",
                len(names),
                len(part),
                split,
                listed,
            )
