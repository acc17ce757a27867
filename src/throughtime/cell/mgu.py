"""The minimal gated unit (Zhou, Wu, Zhang & Zhou 2016, IJAC 13:226, arXiv 1603.09420)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.cell.base import Cell
from throughtime.cell.initial_state import InitialState
from throughtime.cell.initialisation import initialise
from throughtime.errors import check_positive


class MGUState(NamedTuple):
    """h_t."""

    hidden: Float[Tensor, "B H"]


class MGU(Cell):
    """Minimal gated unit: a GRU whose single gate both resets and updates.

        f_t = σ(W_f x_t + U_f h_{t-1} + b_f)                        forget gate
        n_t = tanh(W_n x_t + U_n (f_t ∘ h_{t-1}) + b_n)             candidate
        h_t = (1 - f_t) ∘ h_{t-1} + f_t ∘ n_t

    The gate and the candidate are stacked in the order f, n.

    Args:
        input_size: I.
        hidden_size: H.
        learned_state: whether h_0 is a parameter instead of 0.

    Attributes:
        weight_input: W, `[2H, I]`.
        weight_recurrent: U, `[2H, H]`.
        bias: b, `[2H]`.

    Raises:
        UserError: a size is not positive.
    """

    gates = ("write", "candidate")
    recurrent_blocks = 2

    def __init__(self, input_size: int, hidden_size: int, learned_state: bool = False) -> None:
        check_positive(input_size=input_size, hidden_size=hidden_size)
        super().__init__(input_size, hidden_size)
        self.weight_input = nn.Parameter(torch.empty(2 * hidden_size, input_size))
        self.weight_recurrent = nn.Parameter(torch.empty(2 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.zeros(2 * hidden_size))
        initialise(self.weight_input, "glorot", 2)
        initialise(self.weight_recurrent, "orthogonal", 2)
        self.start = InitialState(learned_state, hidden=hidden_size)

    def initial_state(self, batch_size: int) -> MGUState:
        return MGUState(*self.start(batch_size))

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B G"]:
        return functional.linear(inputs, self.weight_input, self.bias)

    def step(self, projected: Float[Tensor, "B G"], state: MGUState) -> tuple[Float[Tensor, "B H"], MGUState]:
        x_f, x_n = projected.chunk(2, 1)
        u_f, u_n = self.weight_recurrent.chunk(2)
        forget = torch.sigmoid(torch.addmm(x_f, state.hidden, u_f.t()))
        candidate = torch.tanh(torch.addmm(x_n, forget * state.hidden, u_n.t()))
        hidden = state.hidden + forget * (candidate - state.hidden)
        return hidden, MGUState(hidden.to(self.bias.dtype))
