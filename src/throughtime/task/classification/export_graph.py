"""The exported graph of a classifier: padded sequences, as they were read, to log-probabilities."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from throughtime.errors import UserError
from throughtime.model.sequence import SequenceModel
from throughtime.task.classification.task import Classification
from throughtime.task.export_graph import ExportGraph, Sizes, Standardise


class SequenceClassifier(nn.Module):
    """Features [T, B, I], not yet standardised, or ids [T, B], of given lengths -> log-probabilities [B, K]."""

    def __init__(self, task: Classification) -> None:
        super().__init__()
        self.model, self.head, self.mirror = task.model, task.head, task.mirror
        fitted = task.standardiser
        self.standardise = Standardise(fitted.kind, fitted.location, fitted.scale)

    def forward(self, inputs: Tensor, lengths: Int[Tensor, " B"]) -> Float[Tensor, "B K"]:
        found = self._predicted(inputs, lengths)
        if self.mirror is None:
            return found
        other = self._predicted(self.mirror(inputs, lengths), lengths)
        return torch.logaddexp(found, other) - math.log(2)

    def _predicted(self, inputs: Tensor, lengths: Int[Tensor, " B"]) -> Float[Tensor, "B K"]:
        return self.head.predict(self.model.whole(self.standardise(inputs, lengths), lengths))


def export_graph(task: Classification) -> ExportGraph:
    """The log-probability of every class for whole sequences.

    Raises:
        UserError: the model is not a sequence model of this package.
    """
    if not isinstance(task.model, SequenceModel):
        raise UserError(f"{type(task.model).__name__} has no graph to export; --format safetensors takes it")
    symbols, channels = task.artifacts["symbols"], task.artifacts["channels"]

    def example(sizes: Sizes) -> tuple[Tensor, ...]:
        steps, lanes = sizes["T"], sizes["B"]
        generator = torch.Generator().manual_seed(steps)
        lengths = torch.randint(1, steps + 1, (lanes,), generator=generator)
        lengths[0] = steps
        if symbols is not None:
            return torch.randint(len(symbols), (steps, lanes), generator=generator), lengths
        return torch.randn(steps, lanes, len(channels), generator=generator), lengths

    inputs = ("T", "B") if symbols is not None else ("T", "B", len(channels))
    return ExportGraph(
        SequenceClassifier(task),
        {"inputs": inputs, "lengths": ("B",)},
        ("log_probabilities",),
        example,
        tuple({"T": steps, "B": lanes} for steps, lanes in ((6, 3), (1, 1), (2, 5), (30, 2))),
    )
