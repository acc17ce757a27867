"""Bidirectional layers: one recurrence from the left and one from the right, concatenated."""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from throughtime.cell.base import Cell
from throughtime.engine.base import Engine
from throughtime.errors import UserError, check_positive
from throughtime.model.layers.stack import Stack
from throughtime.tree import Tree


def reverse(sequence: Float[Tensor, "T B I"], lengths: Int[Tensor, " B"] | None) -> Float[Tensor, "T B I"]:
    """Reverse each lane's true steps; its padding stays in place."""
    if lengths is None:
        return sequence.flip(0)
    steps = torch.arange(sequence.shape[0], device=sequence.device)[:, None]  # len() would fix T in an export
    places = torch.where(steps < lengths, lengths - 1 - steps, steps)
    return sequence.gather(0, places[..., None].expand_as(sequence))


class Bidirectional(nn.Module):
    """y_t = [→h_t ; ←h_t],  →h = layer(x_1 .. x_t),  ←h = layer(x_n .. x_t)  (Schuster & Paliwal 1997).

    The reverse pass begins at a lane's own last step, so padding changes no number. The reverse
    pass needs whole sequences in a batch: nothing is carried to the next, and no single step can be taken.

    Args:
        cell: makes a layer's cell, called as `cell(input_size=n)`; two of them a layer.
        engine: runs the cells over time.
        input_size: the features of x.
        depth: L.
        dropout, variational, layer_norm: as in `Stack`.

    Attributes:
        output_size: the features of y, twice those of a cell.
        backward_size: the last of them, which the recurrence from the right gives.

    Raises:
        UserError: the depth is not positive, or the dropout is no fraction.
    """

    def __init__(
        self,
        cell: Callable[..., Cell],
        engine: Engine,
        input_size: int,
        depth: int = 1,
        dropout: float = 0.0,
        variational: bool = False,
        layer_norm: bool = False,
    ) -> None:
        check_positive(depth=depth)
        super().__init__()
        self.forwards, self.backwards = nn.ModuleList(), nn.ModuleList()
        for _ in range(depth):
            for layers in (self.forwards, self.backwards):
                layers.append(Stack(cell, engine, input_size, 1, dropout, variational, layer_norm=layer_norm))
            input_size = self.forwards[-1].output_size + self.backwards[-1].output_size
        self.output_size = input_size
        self.backward_size = self.backwards[-1].output_size

    def initial_state(self, batch_size: int) -> Tree:
        """The states of every layer before its first step, from the left and from the right."""
        pairs = zip(self.forwards, self.backwards, strict=True)
        return tuple((a.initial_state(batch_size), b.initial_state(batch_size)) for a, b in pairs)

    def forward(
        self,
        inputs: Float[Tensor, "T B I"],
        state: Tree,
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B H"], Tree]:
        """The outputs of the last layer, 0 after each lane's end; and the state as it was given.

        Raises:
            UserError: the chunk has resets: it goes on with sequences that it does not hold whole.
        """
        if resets is not None:
            raise UserError(
                "model.layers is bidirectional and cannot read running text in lanes; choose data whose batches "
                "hold whole sequences, or model=stack"
            )
        for ahead, back, (before, after) in zip(self.forwards, self.backwards, state, strict=True):
            from_left, _ = ahead(inputs, before, lengths)
            from_right, _ = back(reverse(inputs, lengths), after, lengths)
            inputs = torch.cat((from_left, reverse(from_right, lengths)), -1)
        return inputs, state

    def step(self, inputs: Float[Tensor, "B I"], state: Tree) -> tuple[Float[Tensor, "B H"], Tree]:
        """Not supported: the reverse pass needs the steps that follow.

        Raises:
            UserError: always.
        """
        raise UserError(
            "model.layers is bidirectional and cannot write one step after another; use model=stack"
        )
