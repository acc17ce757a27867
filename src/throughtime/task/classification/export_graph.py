"""The exported graph of a classifier: padded sequences, as they were read, to log-probabilities."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from throughtime.errors import UserError
from throughtime.model.sequence import SequenceModel
from throughtime.task.classification.task import Classification
from throughtime.task.export_graph import ExportGraph, Sizes
from throughtime.tree import length_mask


class SequenceClassifier(nn.Module):
    """Features [T, B, I], not yet standardised, or ids [T, B], of given lengths -> log-probabilities [B, K]."""

    def __init__(self, task: Classification) -> None:
        super().__init__()
        self.model, self.head, self.mirror = task.model, task.head, task.mirror
        standardiser = task.standardiser
        self.kind = standardiser.kind
        for name in ("location", "scale"):
            array = getattr(standardiser, name)
            self.register_buffer(name, None if array is None else torch.from_numpy(array).float())

    def forward(self, inputs: Tensor, lengths: Int[Tensor, " B"]) -> Float[Tensor, "B K"]:
        found = self._predicted(inputs, lengths)
        if self.mirror is None:
            return found
        other = self._predicted(self.mirror(inputs, lengths), lengths)
        return torch.logaddexp(found, other) - math.log(2)

    def _predicted(self, inputs: Tensor, lengths: Int[Tensor, " B"]) -> Float[Tensor, "B K"]:
        return self.head.predict(self.model.whole(self._standardised(inputs, lengths), lengths))

    def _standardised(self, inputs: Tensor, lengths: Int[Tensor, " B"]) -> Tensor:
        if self.location is not None:
            return (inputs - self.location) / self.scale
        if self.kind != "sequence" or not inputs.is_floating_point():
            return inputs
        running = length_mask(lengths, inputs.shape[0])[..., None]
        steps = lengths[:, None].to(inputs.dtype)
        mean = torch.where(running, inputs, 0).sum(0) / steps
        deviation = (torch.where(running, (inputs - mean) ** 2, 0).sum(0) / steps).sqrt()
        return (inputs - mean) / torch.where(deviation > 1e-7 * mean.abs(), deviation, 1)


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
