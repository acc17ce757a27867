"""The exported graph of a model of music: frames and the carried state to log-probabilities of notes and the state."""

import torch
from torch import Tensor, nn

from throughtime.task.export_graph import ExportGraph, Sizes
from throughtime.task.music.task import Music
from throughtime.tree import named_leaves, unflatten


class NextFrame(nn.Module):
    """(frames [T, B, N], state) -> (log-probability that each note is on in the next frame [T, B, N], state after)."""

    def __init__(self, task: Music) -> None:
        super().__init__()
        self.model, self.head = task.model, task.head

    def forward(self, frames: Tensor, *parts: Tensor) -> tuple[Tensor, ...]:
        features, after = self.model(frames, unflatten(parts, self.model.initial_state(frames.shape[1])))
        return self.head.predict(features), *(part for _, part in named_leaves(after))


def export_graph(task: Music) -> ExportGraph:
    """Log-probabilities of the notes of the next frame; the state of every layer is an input and an output."""
    states = dict(named_leaves(task.model.initial_state(1)))
    notes = task.head.notes

    def example(sizes: Sizes) -> tuple[Tensor, ...]:
        generator = torch.Generator().manual_seed(sizes["T"])
        frames = (torch.rand(sizes["T"], sizes["B"], notes, generator=generator) < 0.05).float()
        start = named_leaves(task.model.initial_state(sizes["B"]))
        return frames, *(part + torch.rand(part.shape, generator=generator) / 2 for _, part in start)

    axes = {"frames": ("T", "B", notes)} | {name: ("B", *part.shape[1:]) for name, part in states.items()}
    outputs = ("log_probabilities", *(f"{name}_after" for name in states))
    sizes = tuple({"T": steps, "B": lanes} for steps, lanes in ((6, 3), (1, 1), (2, 5), (40, 2)))
    return ExportGraph(NextFrame(task), axes, outputs, example, sizes)
