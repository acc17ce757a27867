"""Recurrent layers above a tapped delay line: each step also reads the inputs of chosen steps before it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from throughtime.cell.base import Cell, State
from throughtime.engine.base import Engine
from throughtime.errors import UserError, check_fraction, check_positive
from throughtime.model.layers.stack import Stack


class DelaysState(NamedTuple):
    """The last D inputs, the oldest first and 0 before the first step, and the state of every layer."""

    past: Float[Tensor, "B D I"]
    stack: tuple[State, ...]


class Delays(nn.Module):
    """y = stack(z),  z_t = dropout(W [x_t ; x_{t-d_1} ; … ; x_{t-d_n}] + b),  with x_t = 0 before the first step.

    Shortcuts through time of chosen lengths: what a recurrence would have to keep for d steps reaches it directly, and
    so does the gradient. For inputs that are the outputs of the steps before, this is a NARX recurrent network (Lin,
    Horne, Tiňo & Giles 1996, IEEE Transactions on Neural Networks 7:1329). To predict x_{t+1} of a series with the
    period p, the delay p - 1 shows the step that it may repeat.

    Args:
        cell: makes a layer's cell, called as `cell(input_size=n)`.
        engine: runs the cells over time.
        input_size: I, the features of x.
        delays: d_1 … d_n, in steps; the longest is D.
        size: the features of z; None hands the joined inputs to the first cell as they are.
        input_dropout: the fraction of features of z that are dropped in training.
        depth, dropout, variational, residual, layer_norm: as in `Stack`.

    Attributes:
        output_size: the features of y.
        backward_size: 0, as no recurrence begins at the end.

    Raises:
        UserError: there is no delay, one is not positive or given twice, or an argument is out of its range.
    """

    def __init__(
        self,
        cell: Callable[..., Cell],
        engine: Engine,
        input_size: int,
        delays: Sequence[int] = (1,),
        size: int | None = None,
        input_dropout: float = 0.0,
        depth: int = 1,
        dropout: float = 0.0,
        variational: bool = False,
        residual: bool = False,
        layer_norm: bool = False,
    ) -> None:
        if not delays or len(set(delays)) < len(delays):
            raise UserError(
                f"model.layers.delays={list(delays)} must name at least one delay, and each once, as in [1,7]"
            )
        check_positive(**{f"model.layers.delays[{place}]": delay for place, delay in enumerate(delays)})
        check_positive(**{"model.layers.size": 1 if size is None else size})
        check_fraction(**{"model.layers.input_dropout": input_dropout})
        super().__init__()
        self.delays = tuple(delays)
        self.longest = max(delays)
        self.input_size = input_size
        joined = input_size * (1 + len(delays))
        self.map = nn.Identity() if size is None else nn.Linear(joined, size)
        self.dropout = nn.Dropout(input_dropout)
        below = joined if size is None else size
        self.stack = Stack(cell, engine, below, depth, dropout, variational, residual, layer_norm)
        self.output_size = self.stack.output_size
        self.backward_size = 0

    def initial_state(self, batch_size: int) -> DelaysState:
        """An empty delay line, and the state of every layer before the first step."""
        weight = next(self.stack.parameters())
        past = weight.new_zeros(batch_size, self.longest, self.input_size)
        return DelaysState(past, self.stack.initial_state(batch_size))

    def forward(
        self,
        inputs: Float[Tensor, "T B I"],
        state: DelaysState,
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B H"], DelaysState]:
        """The outputs of the last layer, and the state after the last true step; at a reset the line is empty."""
        steps = inputs.shape[0]
        line = torch.cat((state.past.transpose(0, 1), inputs))  # step t is row D + t
        segment = None if resets is None else _segments(resets, self.longest)
        taps = [inputs]
        for delay in self.delays:
            first = self.longest - delay
            tap = line[first : first + steps]
            if segment is not None:
                same = segment[first : first + steps] == segment[self.longest :]
                tap = torch.where(same[..., None], tap, 0)
            taps.append(tap)
        outputs, after = self.stack(self.dropout(self.map(torch.cat(taps, -1))), state.stack, lengths, resets)
        return outputs, DelaysState(self._last(line, segment, lengths), after)

    def _last(
        self,
        line: Float[Tensor, "N B I"],
        segment: Int[Tensor, "N B"] | None,
        lengths: Int[Tensor, " B"] | None,
    ) -> Float[Tensor, "B D I"]:
        """The D inputs up to each lane's last true step; those before its last reset are 0."""
        if lengths is None:
            past = line[-self.longest :]
            if segment is not None:
                past = torch.where((segment[-self.longest :] == segment[-1])[..., None], past, 0)
        else:
            places = lengths + torch.arange(self.longest, device=line.device)[:, None]
            past = line.gather(0, places[..., None].expand(-1, -1, self.input_size))
            if segment is not None:
                numbers = segment.gather(0, places)
                past = torch.where((numbers == numbers[-1])[..., None], past, 0)
        return past.transpose(0, 1)

    def step(
        self, inputs: Float[Tensor, "B I"], state: DelaysState
    ) -> tuple[Float[Tensor, "B H"], DelaysState]:
        """One step of every layer."""
        taps = [inputs, *(state.past[:, self.longest - delay] for delay in self.delays)]
        outputs, after = self.stack.step(self.dropout(self.map(torch.cat(taps, -1))), state.stack)
        return outputs, DelaysState(torch.cat((state.past[:, 1:], inputs[:, None]), 1), after)


def _segments(resets: Bool[Tensor, "T B"], before: int) -> Int[Tensor, "N B"]:
    """The number of resets up to each step, of `before` steps that precede them and of the T steps themselves."""
    counts = resets.long().cumsum(0)
    return torch.cat((counts.new_zeros(before, counts.shape[1]), counts))
