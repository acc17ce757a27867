"""Long short-term memory (Hochreiter & Schmidhuber 1997, Neural Computation 9:1735)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.cell.base import Cell
from throughtime.cell.initial_state import InitialState
from throughtime.cell.initialisation import initialise
from throughtime.errors import check_positive


class LSTMState(NamedTuple):
    """h_t and c_t; P is H, or the size of the projection."""

    hidden: Float[Tensor, "B P"]
    cell: Float[Tensor, "B H"]


class LSTM(Cell):
    """Long short-term memory: gates add to a memory cell instead of rewriting it.

        i_t = σ(W_i x_t + U_i h_{t-1} + p_i ∘ c_{t-1} + b_i)        input gate
        f_t = σ(W_f x_t + U_f h_{t-1} + p_f ∘ c_{t-1} + b_f)        forget gate (Gers et al. 2000)
        g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)                     candidate
        c_t = f_t ∘ c_{t-1} + i_t ∘ g_t
        o_t = σ(W_o x_t + U_o h_{t-1} + p_o ∘ c_t + b_o)            output gate
        h_t = R (o_t ∘ tanh(c_t))

    The terms p are there with `peepholes` (Gers & Schmidhuber 2000, IJCNN), R with `projection_size` (Sak et
    al. 2014, Interspeech). The gates are stacked in the order i, f, g, o, which is also torch's.

    Args:
        input_size: I.
        hidden_size: H.
        forget_bias: the initial b_f; 1 remembers at first (Jozefowicz et al. 2015, ICML).
        peepholes: whether the gates see the memory.
        projection_size: P, the size of h_t; None for H and no projection.
        input_initialisation: of W, a name that `cell.initialisation` knows.
        recurrent_initialisation: of U.
        identity_scale: the s of `scaled_identity`.
        learned_state: whether h_0 and c_0 are parameters instead of 0.

    Attributes:
        weight_input: W, `[4H, I]`.
        weight_recurrent: U, `[4H, P]`.
        bias: b, `[4H]`.
        weight_peephole: p in the order i, f, o, `[3, H]`, or None.
        weight_projection: R, `[P, H]`, or None.

    Raises:
        UserError: a size is not positive, or an initialisation is not known.
    """

    gates = ("write", "keep", "candidate", "output")
    recurrent_blocks = 4

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        forget_bias: float = 1.0,
        peepholes: bool = False,
        projection_size: int | None = None,
        input_initialisation: str = "glorot",
        recurrent_initialisation: str = "orthogonal",
        identity_scale: float = 1.0,
        learned_state: bool = False,
    ) -> None:
        output_size = hidden_size if projection_size is None else projection_size
        check_positive(input_size=input_size, hidden_size=hidden_size, projection_size=output_size)
        super().__init__(input_size, hidden_size, output_size)
        self.weight_input = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_recurrent = nn.Parameter(torch.empty(4 * hidden_size, output_size))
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))
        self.bias.data[hidden_size : 2 * hidden_size] = forget_bias
        initialise(self.weight_input, input_initialisation, 4, identity_scale)
        initialise(self.weight_recurrent, recurrent_initialisation, 4, identity_scale)
        self.weight_peephole = nn.Parameter(torch.zeros(3, hidden_size)) if peepholes else None
        self.weight_projection = None
        if projection_size is not None:
            self.weight_projection = nn.Parameter(torch.empty(projection_size, hidden_size))
            initialise(self.weight_projection, "glorot")
        self.start = InitialState(learned_state, hidden=output_size, cell=hidden_size)

    def initial_state(self, batch_size: int) -> LSTMState:
        return LSTMState(*self.start(batch_size))

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B G"]:
        return functional.linear(inputs, self.weight_input, self.bias)

    def step(
        self, projected: Float[Tensor, "B G"], state: LSTMState
    ) -> tuple[Float[Tensor, "B P"], LSTMState]:
        gates = torch.addmm(projected, state.hidden, self.weight_recurrent.t())
        i, f, g, o = gates.chunk(4, 1)
        if self.weight_peephole is not None:
            # `unbind` stays inside a traced step, where unpacking the parameter would not.
            p_i, p_f, p_o = self.weight_peephole.unbind()
            i, f = i + p_i * state.cell, f + p_f * state.cell
        memory = torch.sigmoid(f) * state.cell + torch.sigmoid(i) * torch.tanh(g)
        if self.weight_peephole is not None:
            o = o + p_o * memory
        hidden = torch.sigmoid(o) * torch.tanh(memory)
        if self.weight_projection is not None:
            hidden = functional.linear(hidden, self.weight_projection)
        dtype = self.bias.dtype
        return hidden, LSTMState(hidden.to(dtype), memory.to(dtype))
