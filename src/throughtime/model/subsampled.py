"""Subsampled model: an input layer that has fewer steps than frames, and recurrent layers over them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from throughtime.cell.base import Cell
from throughtime.engine.base import Engine
from throughtime.errors import UserError
from throughtime.tree import Tree, length_mask


class SubsampledState(NamedTuple):
    """The frames that the input layer still needs, `[B, c, F]`, and the state of the layers."""

    context: Tensor
    layers: Tree


class SubsampledModel(nn.Module):
    """features [t, B, H] = layers(front(frames [T, B, F])), t = ⌈T / k⌉.

    Args:
        front: makes the input layer from `input_sizes`, such as `FrameConvolution`: it subsamples by its `factor` k and
            reads `context` c earlier frames.
        layers: makes the recurrent layers from `cell`, `engine` and `input_size`.
        cell: makes a layer's cell, called as `cell(input_size=n)`.
        engine: runs the cells over time.
        input_sizes: sizes of the data's inputs: `input_size`.

    Attributes:
        output_size: the features of one step, H.
        factor: k, the frames of a step.

    Raises:
        UserError: the data are symbols and no frames.
    """

    def __init__(
        self,
        front: Callable[..., nn.Module],
        layers: Callable[..., nn.Module],
        cell: Callable[..., Cell],
        engine: Engine,
        **input_sizes: Any,
    ) -> None:
        super().__init__()
        if "input_size" not in input_sizes:
            raise UserError(
                "model=transcriber reads frames of numbers, and these data are symbols; choose model=stack"
            )
        self.front = front(**input_sizes)
        self.layers = layers(cell=cell, engine=engine, input_size=self.front.output_size)
        self.output_size = self.layers.output_size
        self.factor: int = self.front.factor

    @property
    def is_causal(self) -> bool:
        """Whether the features of a step follow from the frames up to it."""
        return not getattr(self.layers, "backward_size", 0)

    def output_lengths(self, lengths: Int[Tensor, " B"]) -> Int[Tensor, " B"]:
        """The steps of sequences of so many frames."""
        return self.front.output_lengths(lengths)

    def initial_state(self, batch_size: int) -> SubsampledState:
        """The state before the first frame."""
        return SubsampledState(self.front.initial_context(batch_size), self.layers.initial_state(batch_size))

    def forward(
        self,
        inputs: Float[Tensor, "T B F"],
        state: SubsampledState,
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "t B H"], SubsampledState]:
        """The features of a chunk, and the state after it; padding is read as 0.

        Args:
            inputs: frames; of a chunk that another one follows, a multiple of k.
            state: from `initial_state`, or from the chunk before.
            lengths: the true frames of each lane; a lane that has ended must not go on.
            resets: not supported.

        Raises:
            UserError: the chunk has resets.
        """
        if resets is not None:
            raise UserError(
                "model.front subsamples, and cannot read running data in lanes; choose model=stack"
            )
        steps = None
        if lengths is not None:
            inputs = torch.where(length_mask(lengths, inputs.shape[0])[..., None], inputs, 0)
            steps = self.output_lengths(lengths)
        features, context = self.front(inputs, state.context)
        features, layers = self.layers(features, state.layers, steps)
        return features, SubsampledState(context, layers)
