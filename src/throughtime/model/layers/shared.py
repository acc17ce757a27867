"""Layers of several tasks around one that they share (Liu, Qiu & Huang 2016, arXiv 1605.05101, model III)."""

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from throughtime.cell.base import Cell
from throughtime.cell.shared_reader_lstm import SharedReaderLSTM
from throughtime.engine.base import Engine
from throughtime.errors import check_positive
from throughtime.model.layers.bidirectional import Bidirectional
from throughtime.model.layers.stack import Stack
from throughtime.tree import Tree


class Shared(nn.Module):
    """s_t = [→h_t^(s) ; ←h_t^(s)] of a layer for all tasks,  y_t^m = LSTM^m([x ; s])_t (`SharedReaderLSTM`).

    The LSTMs of all M tasks are run; the model takes the outputs of the lane's own. Whole sequences are read, as the
    shared layer begins at both ends.

    Args:
        cell: makes the shared layer's cells, called as `cell(input_size=n)`; their hidden size is that of the LSTMs.
        engine: runs the cells over time.
        input_size: the features of x.
        tasks: M.
        dropout, variational: on the output of the shared layer and of the LSTMs, as in `Stack`.

    Attributes:
        output_size: H, the features of one task.
        backward_size: 0, as the LSTM of a task reads to the end of the sequence.
        is_causal: false, as the shared layer reads later steps.

    Raises:
        UserError: there is no task, or the dropout is no fraction.
    """

    is_causal = False

    def __init__(
        self,
        cell: Callable[..., Cell],
        engine: Engine,
        input_size: int,
        tasks: int = 1,
        dropout: float = 0.0,
        variational: bool = False,
    ) -> None:
        check_positive(tasks=tasks)
        super().__init__()
        self.shared = Bidirectional(cell, engine, input_size, 1, dropout, variational)
        read = self.shared.output_size
        self.output_size = self.shared.forwards[0].cells[0].hidden_size
        self.backward_size = 0
        reader = partial(SharedReaderLSTM, hidden_size=self.output_size, shared_size=read)
        self.tasks = nn.ModuleList(
            Stack(reader, engine, input_size + read, 1, dropout, variational) for _ in range(tasks)
        )

    def initial_state(self, batch_size: int) -> Tree:
        """The state of the shared layer and of the LSTM of each task before the first step."""
        return self.shared.initial_state(batch_size), tuple(
            one.initial_state(batch_size) for one in self.tasks
        )

    def forward(
        self,
        inputs: Float[Tensor, "T B I"],
        state: Tree,
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B M H"], Tree]:
        """The outputs of all tasks, and the state after the last true step of each.

        Raises:
            UserError: the chunk has resets: it goes on with sequences that it does not hold whole.
        """
        shared, of_shared = self.shared(inputs, state[0], lengths, resets)
        read = torch.cat((inputs, shared), -1)
        found = [one(read, before, lengths) for one, before in zip(self.tasks, state[1], strict=True)]
        return torch.stack([outputs for outputs, _ in found], -2), (
            of_shared,
            tuple(after for _, after in found),
        )

    def step(self, inputs: Float[Tensor, "B I"], state: Tree) -> tuple[Float[Tensor, "B M H"], Tree]:
        """Not supported: the shared layer needs the steps that follow.

        Raises:
            UserError: always.
        """
        return self.shared.step(inputs, state[0])
