"""The exported graph of a language model: a chunk of ids and the carried state to log-probabilities and the state."""

import torch
from torch import Tensor, nn

from throughtime.task.export_graph import ExportGraph, Sizes
from throughtime.task.textgen.task import TextGeneration
from throughtime.tree import named_leaves, unflatten


class StatefulModel(nn.Module):
    """(ids [T, B], state) -> (log-probabilities [T, B, V], state after them)."""

    def __init__(self, task: TextGeneration) -> None:
        super().__init__()
        self.model, self.head = task.model, task.head

    def forward(self, ids: Tensor, *parts: Tensor) -> tuple[Tensor, ...]:
        features, after = self.model(ids, unflatten(parts, self.model.initial_state(ids.shape[1])))
        return self.head.predict(features), *(part for _, part in named_leaves(after))


def export_graph(task: TextGeneration) -> ExportGraph:
    """Log-probabilities of the next symbol at each step; the state of every layer is an input and an output."""
    states = dict(named_leaves(task.model.initial_state(1)))
    vocabulary = len(task.head.bias)

    def example(sizes: Sizes) -> tuple[Tensor, ...]:
        generator = torch.Generator().manual_seed(sizes["T"])
        ids = torch.randint(vocabulary, (sizes["T"], sizes["B"]), generator=generator)
        start = named_leaves(task.model.initial_state(sizes["B"]))
        return ids, *(part + torch.rand(part.shape, generator=generator) / 2 for _, part in start)

    axes = {"ids": ("T", "B")} | {name: ("B", *part.shape[1:]) for name, part in states.items()}
    outputs = ("log_probabilities", *(f"{name}_after" for name in states))
    sizes = tuple({"T": steps, "B": lanes} for steps, lanes in ((6, 3), (1, 1), (2, 5), (40, 2)))
    return ExportGraph(StatefulModel(task), axes, outputs, example, sizes)
