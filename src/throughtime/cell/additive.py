"""The additive model in continuous time (Grossberg 1988, Neural Networks 1:17), discretised by Euler's method.

It is the equation from which Sherstinsky (2020, Physica D 404:132306, arXiv 1808.03314, section 2) derives the
recurrent network.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.cell.base import Cell
from throughtime.cell.initial_state import InitialState
from throughtime.cell.initialisation import initialise
from throughtime.errors import check_positive


class AdditiveState(NamedTuple):
    """s_t."""

    signal: Float[Tensor, "B H"]


class Additive(Cell):
    """Additive model: leaky integrators, coupled through the tanh of their signals one time step earlier.

        ds/dt = -a ∘ s(t) + B r(t - Δ) + C x(t) + φ,        r = tanh(s),  a = exp(α) > 0

    The backward (implicit) step of Euler's method, (s_t - s_{t-1}) / Δ = the right side with s_t, has a closed form
    that is stable for every Δ:

        s_t = (s_{t-1} + Δ (B r_{t-1} + C x_t + φ)) / (1 + Δ a)
        r_t = tanh(s_t)

    The output is r_t. For Δ a ≫ 1 the term of s_{t-1} vanishes: with W_h = B / a, W_x = C / a, b = φ / a it is
    r_t = tanh(W_h r_{t-1} + W_x x_t + b), the recurrent network.

    Args:
        input_size: I.
        hidden_size: H.
        step_size: Δ, the time from one step to the next.
        learned_state: whether s_0 is a parameter instead of 0.

    Attributes:
        log_decay: α, `[H]`; 1 / a is the time constant of a unit.
        weight_input: C, `[H, I]`.
        weight_recurrent: B, `[H, H]`.
        bias: φ, `[H]`.

    Raises:
        UserError: a size or the step is not positive.
    """

    recurrent_blocks = 1

    def __init__(
        self, input_size: int, hidden_size: int, step_size: float = 1.0, learned_state: bool = False
    ) -> None:
        check_positive(input_size=input_size, hidden_size=hidden_size, step_size=step_size)
        super().__init__(input_size, hidden_size)
        self.step_size = step_size
        self.log_decay = nn.Parameter(torch.zeros(hidden_size))
        self.weight_input = nn.Parameter(torch.empty(hidden_size, input_size))
        self.weight_recurrent = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.zeros(hidden_size))
        initialise(self.weight_input, "glorot")
        initialise(self.weight_recurrent, "orthogonal")
        self.start = InitialState(learned_state, signal=hidden_size)

    def initial_state(self, batch_size: int) -> AdditiveState:
        return AdditiveState(*self.start(batch_size))

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B H"]:
        return functional.linear(inputs, self.weight_input, self.bias)

    def step(
        self, projected: Float[Tensor, "B H"], state: AdditiveState
    ) -> tuple[Float[Tensor, "B H"], AdditiveState]:
        before = state.signal
        drive = torch.addmm(projected, torch.tanh(before), self.weight_recurrent.t())
        remaining = 1 / (1 + self.step_size * torch.exp(self.log_decay))
        signal = remaining * (before + self.step_size * drive)
        return torch.tanh(signal), AdditiveState(signal.to(self.bias.dtype))
