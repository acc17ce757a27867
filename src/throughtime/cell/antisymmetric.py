"""The antisymmetric network (Chang, Chen, Haber & Chi 2019, ICLR, arXiv 1902.09689)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.cell.base import Cell
from throughtime.cell.initial_state import InitialState
from throughtime.cell.initialisation import initialise
from throughtime.errors import UserError, check_positive


class AntisymmetricState(NamedTuple):
    """h_t."""

    hidden: Float[Tensor, "B H"]


class Antisymmetric(Cell):
    """Antisymmetric network: Euler steps of a differential equation that is stable and does not forget.

        u_t = (W - Wᵀ - γ 1) h_{t-1}
        h_t = h_{t-1} + ε tanh(u_t + V_h x_t + b_h)
        h_t = h_{t-1} + ε σ(u_t + V_z x_t + b_z) ∘ tanh(u_t + V_h x_t + b_h)            gated

    W - Wᵀ has imaginary eigenvalues only, so the equation is stable and does not forget; γ shifts them a
    little to the stable side, as Euler's method needs. The gate is stacked after the rest: h, z.

    Args:
        input_size: I.
        hidden_size: H.
        step_size: ε.
        diffusion: γ.
        gated: whether there is the gate z.
        learned_state: whether h_0 is a parameter instead of 0.

    Attributes:
        weight_input: V, `[H, I]`, or `[2H, I]` with the gate.
        weight_recurrent: W, `[H, H]`.
        bias: b, `[H]` or `[2H]`.

    Raises:
        UserError: a size or the step is not positive, or the diffusion is negative.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        step_size: float = 0.1,
        diffusion: float = 0.01,
        gated: bool = False,
        learned_state: bool = False,
    ) -> None:
        check_positive(input_size=input_size, hidden_size=hidden_size, step_size=step_size)
        if diffusion < 0:
            raise UserError(f"diffusion must be at least 0, not {diffusion}")
        super().__init__(input_size, hidden_size)
        self.step_size, self.diffusion, self.gated = step_size, diffusion, gated
        gates = 2 if gated else 1
        self.weight_input = nn.Parameter(torch.empty(gates * hidden_size, input_size))
        self.weight_recurrent = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.zeros(gates * hidden_size))
        initialise(self.weight_input, "glorot", gates)
        initialise(self.weight_recurrent, "glorot")
        self.start = InitialState(learned_state, hidden=hidden_size)

    def initial_state(self, batch_size: int) -> AntisymmetricState:
        return AntisymmetricState(*self.start(batch_size))

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B G"]:
        return functional.linear(inputs, self.weight_input, self.bias)

    def step(
        self, projected: Float[Tensor, "B G"], state: AntisymmetricState
    ) -> tuple[Float[Tensor, "B H"], AntisymmetricState]:
        hidden = state.hidden
        # A row times (W - Wᵀ)ᵀ = Wᵀ - W.
        u = torch.mm(hidden, self.weight_recurrent.t() - self.weight_recurrent) - self.diffusion * hidden
        if self.gated:
            x, x_z = projected.chunk(2, 1)
            change = torch.sigmoid(u + x_z) * torch.tanh(u + x)
        else:
            change = torch.tanh(u + projected)
        hidden = hidden + self.step_size * change
        return hidden, AntisymmetricState(hidden.to(self.bias.dtype))
