"""Sequence model: an input layer, recurrent layers over its features, and where asked for pooling over steps."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from throughtime.cell.base import Cell
from throughtime.engine.base import Engine
from throughtime.model.pooling.base import Pooling
from throughtime.tree import Tree, length_mask


class SequenceModel(nn.Module):
    """features = [pooling](layers(front(inputs))).

    The parts are given as factories, since the size of each follows from the one before.

    Args:
        front: makes the input layer from `input_sizes`; it has an `output_size`.
        layers: makes the recurrent layers from `cell`, `engine` and `input_size`.
        cell: makes a layer's cell, called as `cell(input_size=n)`.
        engine: runs the cells over time.
        pooling: makes what reduces the features of the steps so far, called as `pooling(input_size=n,
            backward_size=m)`; None leaves the features of each step.
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
        pooling: Callable[..., Pooling] | None = None,
        **input_sizes: Any,
    ) -> None:
        super().__init__()
        self.front = front(**input_sizes)
        self.layers = layers(cell=cell, engine=engine, input_size=self.front.output_size)
        self.output_size = self.layers.output_size
        self.pooling: Pooling | None = None
        if pooling is not None:
            # Layers of the user's own may not say what a recurrence from the end gives: then nothing does.
            backward_size = getattr(self.layers, "backward_size", 0)
            self.pooling = pooling(input_size=self.output_size, backward_size=backward_size)
            self.output_size = self.pooling.output_size

    def initial_state(self, batch_size: int) -> Tree:
        """The state of all layers before the first step; with pooling, the pair of it and the pooling's state."""
        layers = self.layers.initial_state(batch_size)
        return layers if self.pooling is None else (layers, self.pooling.initial_state(batch_size))

    def forward(
        self,
        inputs: Any,
        state: Tree,
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B H"], Tree]:
        """The features of a chunk `[T, B, ...]`, with pooling those of the steps so far, and the state after it.

        Args:
            inputs: of the input layer.
            state: from `initial_state`, or from the chunk before.
            lengths: the true steps of each lane; its state stays from there on.
            resets: where true, the lane's state starts anew before that step.
        """
        if self.pooling is None:
            return self.recurrence(inputs, state, lengths, resets)
        layers, pooled = state
        features, layers = self.step_features(inputs, layers, lengths, resets)
        features, pooled = self.pooling(features, pooled, lengths, resets)
        return features, (layers, pooled)

    def step_features(
        self,
        inputs: Tensor,
        state: Tree,
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B H"], Tree]:
        """The features of each step before pooling, and the layers' state after them; padding is read as 0.

        Args:
            inputs: of the input layer, one tensor `[T, B, ...]`.
            state: of the layers.
            lengths, resets: as in `forward`.
        """
        if lengths is not None:  # a NaN in padding would reach the gradient of the weights, as 0 · NaN is NaN
            running = length_mask(lengths, inputs.shape[0])
            inputs = torch.where(running.view(*running.shape, *[1] * (inputs.dim() - 2)), inputs, 0)
        return self.recurrence(inputs, state, lengths, resets)

    def recurrence(
        self,
        inputs: Any,
        state: Tree,
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B H"], Tree]:
        """The layers' outputs at each step, and their state after them; arguments as of `forward`."""
        return self.layers(self.front(inputs), state, lengths, resets)

    def whole(self, inputs: Tensor, lengths: Int[Tensor, " B"]) -> Float[Tensor, "B H"]:
        """The pooled features of whole sequences, each from a fresh state.

        Args:
            inputs: of the input layer, one tensor `[T, B, ...]`.
            lengths: the true steps of each lane.
        """
        lanes = lengths.shape[0]
        features, _ = self.step_features(inputs, self.layers.initial_state(lanes), lengths)
        if self.pooling is None:
            return features[lengths - 1, torch.arange(lanes, device=lengths.device)]
        return self.pooling.whole(features, lengths)

    def step(self, inputs: Any, state: Tree) -> tuple[Float[Tensor, "B H"], Tree]:
        """The features of one step `[B, ...]`, with pooling those of the steps so far, and the state after it."""
        if self.pooling is None:
            return self.layers.step(self.front(inputs), state)
        layers, pooled = state
        features, layers = self.layers.step(self.front(inputs), layers)
        features, pooled = self.pooling.step(features, pooled)
        return features, (layers, pooled)
