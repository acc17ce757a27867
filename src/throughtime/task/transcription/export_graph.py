"""The exported graph of a transcriber: padded sequences, as they were read, to log-probabilities of each step."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from throughtime.task.export_graph import ExportGraph, Sizes
from throughtime.task.transcription.task import Transcription
from throughtime.tree import length_mask


class FrameTranscriber(nn.Module):
    """Features [T, B, F], not yet standardised, of given lengths -> log-probabilities [t, B, K] and the steps [B]."""

    def __init__(self, task: Transcription) -> None:
        super().__init__()
        self.model, self.head = task.model, task.head
        standardiser = task.standardiser
        self.kind = standardiser.kind
        for name in ("location", "scale"):
            array = getattr(standardiser, name)
            self.register_buffer(name, None if array is None else torch.from_numpy(array).float())

    def forward(
        self, inputs: Float[Tensor, "T B F"], lengths: Int[Tensor, " B"]
    ) -> tuple[Float[Tensor, "t B K"], Int[Tensor, " B"]]:
        state = self.model.initial_state(lengths.shape[0])
        features, _ = self.model(self._standardised(inputs, lengths), state, lengths)
        return self.head.predict(features), self.model.output_lengths(lengths)

    def _standardised(self, inputs: Tensor, lengths: Int[Tensor, " B"]) -> Tensor:
        if self.location is not None:
            return (inputs - self.location) / self.scale
        if self.kind != "sequence":
            return inputs
        running = length_mask(lengths, inputs.shape[0])[..., None]
        frames = lengths[:, None].to(inputs.dtype)
        mean = torch.where(running, inputs, 0).sum(0) / frames
        deviation = (torch.where(running, (inputs - mean) ** 2, 0).sum(0) / frames).sqrt()
        return (inputs - mean) / torch.where(deviation > 1e-7 * mean.abs(), deviation, 1)


def export_graph(task: Transcription) -> ExportGraph:
    """log p(class | step) of whole sequences of any length, for decoding outside of PyTorch."""
    features = task.artifacts["input_sizes"]["input_size"]

    def example(sizes: Sizes) -> tuple[Tensor, ...]:
        frames, lanes = sizes["T"], sizes["B"]
        generator = torch.Generator().manual_seed(frames)
        lengths = torch.randint(1, frames + 1, (lanes,), generator=generator)
        lengths[0] = frames
        return torch.randn(frames, lanes, features, generator=generator), lengths

    return ExportGraph(
        FrameTranscriber(task),
        {"inputs": ("T", "B", features), "lengths": ("B",)},
        ("log_probabilities", "steps"),
        example,
        tuple({"T": frames, "B": lanes} for frames, lanes in ((7, 3), (1, 1), (2, 5), (30, 2))),
    )
