"""Long expressive memory (Rusch, Mishra, Erichson & Mahoney 2022, ICLR, arXiv 2110.04744)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.cell.base import Cell
from throughtime.cell.initial_state import InitialState
from throughtime.cell.initialisation import initialise
from throughtime.errors import check_positive


class LEMState(NamedTuple):
    """y_t and z_t."""

    hidden: Float[Tensor, "B H"]
    memory: Float[Tensor, "B H"]


class LEM(Cell):
    """Long expressive memory: two coupled equations, each with a learned time step for every unit and step.

        s_t = Δ σ(W_s y_{t-1} + V_s x_t + b_s)                                  time step of the memory
        r_t = Δ σ(W_r y_{t-1} + V_r x_t + b_r)                                  time step of the hidden state
        z_t = (1 - s_t) ∘ z_{t-1} + s_t ∘ tanh(W_z y_{t-1} + V_z x_t + b_z)
        y_t = (1 - r_t) ∘ y_{t-1} + r_t ∘ tanh(W_y z_t + V_y x_t + b_y)

    The time steps are Δt and Δt with a bar in the paper. The weights are stacked in the order s, r, z, y.

    Args:
        input_size: I.
        hidden_size: H.
        step_size: Δ, the longest time step; at most 1 keeps both states within [-1, 1].
        learned_state: whether y_0 and z_0 are parameters instead of 0.

    Attributes:
        weight_input: V, `[4H, I]`.
        weight_recurrent: W, `[4H, H]`.
        bias: b, `[4H]`.

    Raises:
        UserError: a size or the step is not positive.
    """

    gates = ("write", "write", "candidate", "hidden")
    recurrent_blocks = 4

    def __init__(
        self, input_size: int, hidden_size: int, step_size: float = 1.0, learned_state: bool = False
    ) -> None:
        check_positive(input_size=input_size, hidden_size=hidden_size, step_size=step_size)
        super().__init__(input_size, hidden_size)
        self.step_size = step_size
        self.weight_input = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_recurrent = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))
        initialise(self.weight_input, "glorot", 4)
        initialise(self.weight_recurrent, "orthogonal", 4)
        self.start = InitialState(learned_state, hidden=hidden_size, memory=hidden_size)

    def initial_state(self, batch_size: int) -> LEMState:
        return LEMState(*self.start(batch_size))

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B G"]:
        return functional.linear(inputs, self.weight_input, self.bias)

    def step(self, projected: Float[Tensor, "B G"], state: LEMState) -> tuple[Float[Tensor, "B H"], LEMState]:
        y, z = state
        sizes = (3 * self.hidden_size, self.hidden_size)
        x, x_y = projected.split(sizes, 1)
        w, w_y = self.weight_recurrent.split(sizes)
        s, r, candidate = torch.addmm(x, y, w.t()).chunk(3, 1)
        z = z + self.step_size * torch.sigmoid(s) * (torch.tanh(candidate) - z)
        y = y + self.step_size * torch.sigmoid(r) * (torch.tanh(torch.addmm(x_y, z, w_y.t())) - y)
        dtype = self.bias.dtype
        return y, LEMState(y.to(dtype), z.to(dtype))
