"""Layers of two tasks whose LSTMs are coupled (Liu, Qiu & Huang 2016, arXiv 1605.05101, model II)."""

from collections.abc import Callable
from functools import partial

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from throughtime.cell.base import Cell, State
from throughtime.cell.coupled_lstm import TASKS, CoupledLSTM
from throughtime.cell.lstm import LSTM
from throughtime.engine.base import Engine
from throughtime.errors import UserError
from throughtime.model.layers.stack import Stack


class Coupled(nn.Module):
    """y^1, y^2 = dropout(h^1), dropout(h^2) of two coupled LSTMs that read the same input (`CoupledLSTM`).

    Args:
        cell: an LSTM, called as `cell(input_size=n)`; its hidden size is that of each of the two.
        engine: runs the cell over time.
        input_size: the features of x.
        tasks: M, which must be 2.
        dropout, variational: as in `Stack`.

    Attributes:
        output_size: H, the features of one task.
        backward_size: 0, as no recurrence begins at the end.

    Raises:
        UserError: there are not two tasks, the cell is no plain LSTM, or the dropout is no fraction.
    """

    def __init__(
        self,
        cell: Callable[..., Cell],
        engine: Engine,
        input_size: int,
        tasks: int = TASKS,
        dropout: float = 0.0,
        variational: bool = False,
    ) -> None:
        if tasks != TASKS:
            raise UserError(
                f"coupled LSTMs are for two tasks, and the data have {tasks}; choose model=multitask_uniform or "
                "model=multitask_shared, or name two tasks in data.path"
            )
        example = cell(input_size=input_size)
        if type(example) is not LSTM or example.output_size != example.hidden_size:
            raise UserError(
                f"model=multitask_coupled couples LSTMs, not {type(example).__name__} or one with a projection; set "
                "cell=lstm and cell.projection_size=null"
            )
        super().__init__()
        coupled = partial(CoupledLSTM, hidden_size=example.hidden_size)
        self.stack = Stack(coupled, engine, input_size, 1, dropout, variational)
        self.output_size = example.hidden_size
        self.backward_size = 0

    def initial_state(self, batch_size: int) -> tuple[State, ...]:
        """The state of both LSTMs before the first step."""
        return self.stack.initial_state(batch_size)

    def forward(
        self,
        inputs: Float[Tensor, "T B I"],
        state: tuple[State, ...],
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B M H"], tuple[State, ...]]:
        """The outputs of both tasks, and the state after the last true step (`Engine.run`)."""
        outputs, after = self.stack(inputs, state, lengths, resets)
        return outputs.unflatten(-1, (TASKS, self.output_size)), after

    def step(
        self, inputs: Float[Tensor, "B I"], state: tuple[State, ...]
    ) -> tuple[Float[Tensor, "B M H"], tuple[State, ...]]:
        """One step of both LSTMs."""
        outputs, after = self.stack.step(inputs, state)
        return outputs.unflatten(-1, (TASKS, self.output_size)), after
