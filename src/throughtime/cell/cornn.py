"""The coupled oscillatory network (Rusch & Mishra 2021, ICLR, arXiv 2010.00951)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.cell.base import Cell
from throughtime.cell.initial_state import InitialState
from throughtime.cell.initialisation import initialise
from throughtime.errors import check_positive


class CoRNNState(NamedTuple):
    """y_t and z_t = y'_t."""

    hidden: Float[Tensor, "B H"]
    velocity: Float[Tensor, "B H"]


class CoRNN(Cell):
    """Coupled damped oscillators, driven by the input and by each other: y'' = tanh(W y + 𝒲 y' + V x + b) - γ y - ε y'.

        z_t = z_{t-1} + Δ (tanh(W y_{t-1} + 𝒲 z_{t-1} + V x_t + b) - γ y_{t-1} - ε z_t)
        y_t = y_{t-1} + Δ z_t

    The damping ε z_t is implicit (n̄ = n in the paper), which is a division by 1 + Δ ε. With γ Δ ≤ ε the
    energy γ |y_t|² + |z_t|² grows by no more than Δ H / ε a step, whatever the weights.

    Args:
        input_size: I.
        hidden_size: H.
        step_size: Δ.
        frequency: γ, the square of an oscillator's own frequency.
        damping: ε.
        learned_state: whether y_0 and z_0 are parameters instead of 0.

    Attributes:
        weight_input: V, `[H, I]`.
        weight_recurrent: W and 𝒲 beside each other, `[H, 2H]`.
        bias: b, `[H]`.

    Raises:
        UserError: a size, the step, the frequency or the damping is not positive.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        step_size: float = 0.042,
        frequency: float = 2.7,
        damping: float = 4.7,
        learned_state: bool = False,
    ) -> None:
        check_positive(input_size=input_size, hidden_size=hidden_size)
        check_positive(step_size=step_size, frequency=frequency, damping=damping)
        super().__init__(input_size, hidden_size)
        self.step_size, self.frequency, self.damping = step_size, frequency, damping
        self.weight_input = nn.Parameter(torch.empty(hidden_size, input_size))
        self.weight_recurrent = nn.Parameter(torch.empty(hidden_size, 2 * hidden_size))
        self.bias = nn.Parameter(torch.zeros(hidden_size))
        initialise(self.weight_input, "glorot")
        initialise(self.weight_recurrent, "glorot")
        self.start = InitialState(learned_state, hidden=hidden_size, velocity=hidden_size)

    def initial_state(self, batch_size: int) -> CoRNNState:
        return CoRNNState(*self.start(batch_size))

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B H"]:
        return functional.linear(inputs, self.weight_input, self.bias)

    def step(
        self, projected: Float[Tensor, "B H"], state: CoRNNState
    ) -> tuple[Float[Tensor, "B H"], CoRNNState]:
        y, z = state
        force = torch.tanh(torch.addmm(projected, torch.cat((y, z), 1), self.weight_recurrent.t()))
        z = (z + self.step_size * (force - self.frequency * y)) / (1 + self.step_size * self.damping)
        y = y + self.step_size * z
        dtype = self.bias.dtype
        return y, CoRNNState(y.to(dtype), z.to(dtype))
