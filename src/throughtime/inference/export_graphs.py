"""What an exported graph computes, by task: a function of tensors with named inputs, outputs and axes.

The letters of the axes are those of the whole project; each stands for a size that may differ from call to call.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from throughtime.data.tagged.word_inputs import WordInputs
from throughtime.data.window import Window
from throughtime.errors import UserError
from throughtime.head.crf import CRF
from throughtime.task.base import Task
from throughtime.task.forecasting.task import Forecasting
from throughtime.task.tagging.task import Tagging
from throughtime.task.textgen.task import TextGeneration
from throughtime.tree import Tree, map_state

Sizes = Mapping[str, int]
"""A size for each letter of the axes that may differ."""


@dataclass(frozen=True)
class Graph:
    """A function of tensors that can be traced.

    Attributes:
        module: what computes it, `module(*inputs) -> outputs`.
        axes: of each input, by its name, a letter for every axis whose size may differ and else its size.
        outputs: their names.
        example: inputs of given sizes, in their order.
        sizes: at which it is checked; the first ones are those that it is traced at.
    """

    module: nn.Module
    axes: dict[str, tuple[str | int, ...]]
    outputs: tuple[str, ...]
    example: Callable[[Sizes], tuple[Tensor, ...]]
    sizes: tuple[Sizes, ...]


def graph_of(task: Task) -> Graph:
    """What a task's model computes of one chunk, sentence or window.

    Raises:
        UserError: there is no such graph of this task or model.
    """
    makers = {TextGeneration: text_graph, Tagging: tagging_graph, Forecasting: forecasting_graph}
    maker = makers.get(type(task))
    if maker is None:
        raise UserError(f"task={task.name} cannot be exported to ONNX; --format safetensors takes every task")
    return maker(task)


class Stepping(nn.Module):
    """(ids [T, B], state) -> (log-probabilities [T, B, V], state after them)."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.model, self.head = task.model, task.head

    def forward(self, ids: Tensor, *parts: Tensor) -> tuple[Tensor, ...]:
        features, after = self.model(ids, filled(self.model.initial_state(ids.shape[1]), iter(parts)))
        return self.head.predict(features), *(part for _, part in leaves(after))


def text_graph(task: TextGeneration) -> Graph:
    """Every symbol's probability after each one read, and the state of every layer going in and coming out."""
    states = dict(leaves(task.model.initial_state(1)))
    vocabulary = len(task.head.bias)

    def example(sizes: Sizes) -> tuple[Tensor, ...]:
        generator = torch.Generator().manual_seed(sizes["T"])
        ids = torch.randint(vocabulary, (sizes["T"], sizes["B"]), generator=generator)
        start = leaves(task.model.initial_state(sizes["B"]))
        return ids, *(part + torch.rand(part.shape, generator=generator) / 2 for _, part in start)

    axes = {"ids": ("T", "B")} | {name: ("B", *part.shape[1:]) for name, part in states.items()}
    outputs = ("log_probabilities", *(f"{name}_after" for name in states))
    sizes = tuple({"T": steps, "B": lanes} for steps, lanes in ((6, 3), (1, 1), (2, 5), (40, 2)))
    return Graph(Stepping(task), axes, outputs, example, sizes)


class Tagged(nn.Module):
    """Words in sentences [T, B] of given lengths -> log-probabilities [T, B, K].

    Of a chain of tags (`CRF`) all that Viterbi needs instead: emissions [T, B, K], transitions [K, K], first and last.
    """

    def __init__(self, task: Tagging) -> None:
        super().__init__()
        self.model, self.head = task.model, task.head

    def forward(
        self, words: Tensor, spellings: Tensor, characters: Tensor, word_lengths: Tensor, lengths: Tensor
    ) -> Tensor | tuple[Tensor, ...]:
        unread = torch.zeros_like(words)  # only measures read it
        inputs = WordInputs(words, spellings, characters, word_lengths, unread.bool(), unread)
        features, _ = self.model(inputs, self.model.initial_state(words.shape[1]), lengths)
        if not isinstance(self.head, CRF):
            return self.head.predict(features)
        chain = (self.head.transitions, self.head.first, self.head.last)
        return self.head.emissions(features), *(part.clone() for part in chain)


def tagging_graph(task: Tagging) -> Graph:
    """Every tag's log-probability, or the parts of a chain."""
    front = task.model.front
    kinds = len(front.weight), len(task.lexicon.characters)

    def example(sizes: Sizes) -> tuple[Tensor, ...]:
        generator = torch.Generator().manual_seed(sizes["T"])
        steps, lanes, letters, words = (sizes[axis] for axis in "TBCN")

        def draw(least: int, below: int, *shape: int) -> Tensor:
            return torch.randint(least, below, shape, generator=generator)

        lengths = draw(1, steps + 1, lanes)
        lengths[0] = steps
        return (
            draw(0, kinds[0], steps, lanes),
            draw(0, words, steps, lanes),
            draw(1, max(kinds[1], 2), letters, words),
            draw(1, letters + 1, words),
            lengths,
        )

    axes = {
        "words": ("T", "B"),
        "spellings": ("T", "B"),
        "characters": ("C", "N"),
        "word_lengths": ("N",),
        "lengths": ("B",),
    }
    chain = ("emissions", "transitions", "first", "last")
    outputs = chain if isinstance(task.head, CRF) else ("log_probabilities",)
    cases = ((6, 3, 7, 11), (1, 1, 1, 1), (2, 5, 4, 3), (30, 2, 9, 40))
    return Graph(
        Tagged(task), axes, outputs, example, tuple(dict(zip("TBCN", case, strict=True)) for case in cases)
    )


class Ahead(nn.Module):
    """A window of B lanes -> point forecasts of S steps ahead, in the data's units."""

    def __init__(self, task: Forecasting) -> None:
        super().__init__()
        self.model, self.head = task.model, task.head

    def forward(
        self, history: Tensor, known: Tensor, series: Tensor, location: Tensor, scale: Tensor
    ) -> Tensor:
        window = Window(history, known, series, torch.zeros_like(series), location, scale)
        features = self.model.forecast(window, self.head.predict)
        return window.original(self.head.predict(features))


def forecasting_graph(task: Forecasting) -> Graph:
    """Point forecasts; the look-back and the horizon are those of training, the lanes are free.

    Raises:
        UserError: the model decodes step by step, whose loop cannot be traced for any horizon.
    """
    if task.model.autoregressive:
        raise UserError(
            "a model that writes its forecast step by step (model=recursive, encoder_decoder) cannot be exported to "
            "ONNX; model=segments and direct can, and --format safetensors takes every model"
        )
    data = task.artifacts["input_sizes"]
    steps, horizon = data["look_back"], data["horizon"]

    def example(sizes: Sizes) -> tuple[Tensor, ...]:
        generator, lanes = torch.Generator().manual_seed(sizes["B"]), sizes["B"]

        def draw(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator)

        return (
            draw(steps, lanes, data["history_size"]),
            draw(steps + horizon, lanes, data["known_size"]),
            torch.randint(data["series_count"] + 1, (lanes,), generator=generator),
            draw(steps + horizon, lanes, data["channels"]),
            draw(lanes, data["channels"]).exp(),
        )

    axes = {
        name: tuple("B" if place == axis else size for place, size in enumerate(tensor.shape))
        for name, tensor, axis in zip(
            ("history", "known", "series", "location", "scale"),
            example({"B": 1}),
            (1, 1, 0, 1, 0),
            strict=True,
        )
    }
    return Graph(Ahead(task), axes, ("point",), example, tuple({"B": lanes} for lanes in (3, 1, 7)))


def leaves(state: Tree, name: str = "state") -> Iterator[tuple[str, Tensor]]:
    """The tensors of a state with names: `state_0_hidden` is that of the first layer."""
    if isinstance(state, Tensor):
        yield name, state
        return
    for part, tree in zip(getattr(state, "_fields", range(len(state))), state, strict=True):
        yield from leaves(tree, f"{name}_{part}")


def filled(like: Tree, parts: Iterator[Tensor]) -> Tree:
    """The inverse of `leaves`: the tensors in the classes of a state like this one."""
    return map_state(lambda _: next(parts), like)
