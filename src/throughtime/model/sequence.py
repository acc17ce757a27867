"""Sequence model: an input layer, and recurrent layers over its features."""

from collections.abc import Callable
from typing import Any

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from throughtime.cell.base import Cell
from throughtime.engine.base import Engine
from throughtime.tree import Tree


class SequenceModel(nn.Module):
    """features = layers(front(inputs)).

    The parts are given as factories, since the size of each follows from the one before.

    Args:
        front: makes the input layer from `input_sizes`; it has an `output_size`.
        layers: makes the recurrent layers from `cell`, `engine` and `input_size`.
        cell: makes a layer's cell, called as `cell(input_size=n)`.
        engine: runs the cells over time.
        input_sizes: sizes of the data's inputs, such as `vocabulary_size`.

    Attributes:
        output_size: the features of one step, H.
    """

    def __init__(
        self,
        front: Callable[..., nn.Module],
        layers: Callable[..., nn.Module],
        cell: Callable[..., Cell],
        engine: Engine,
        **input_sizes: int,
    ) -> None:
        super().__init__()
        self.front = front(**input_sizes)
        self.layers = layers(cell=cell, engine=engine, input_size=self.front.output_size)
        self.output_size = self.layers.output_size

    def initial_state(self, batch_size: int) -> Tree:
        """The state of all layers before the first step."""
        return self.layers.initial_state(batch_size)

    def forward(
        self,
        inputs: Any,
        state: Tree,
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B H"], Tree]:
        """The features of a chunk `[T, B, ...]` and the state after it.

        Args:
            inputs: of the input layer.
            state: from `initial_state`, or from the chunk before.
            lengths: the true steps of each lane; its state stays from there on.
            resets: where true, the lane's state starts anew before that step.
        """
        return self.layers(self.front(inputs), state, lengths, resets)

    def step(self, inputs: Any, state: Tree) -> tuple[Float[Tensor, "B H"], Tree]:
        """The features of one step `[B, ...]` and the state after it, for decoding."""
        return self.layers.step(self.front(inputs), state)
