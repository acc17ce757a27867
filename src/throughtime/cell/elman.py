"""The Elman network: full recurrence and a readout (Elman 1990, Cognitive Science 14:179)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.cell.activation import activation as activation_named
from throughtime.cell.base import Cell
from throughtime.cell.initial_state import InitialState
from throughtime.cell.initialisation import initialise
from throughtime.errors import check_positive


class ElmanState(NamedTuple):
    """h_t."""

    hidden: Float[Tensor, "B H"]


class Elman(Cell):
    """Elman network: h_t = φ(W_x x_t + W_h h_{t-1} + b), o_t = φ_o(W_o h_t + b_o).

    Args:
        input_size: I.
        hidden_size: H.
        activation: φ, a name or path that `cell.activation` knows.
        output_activation: φ_o; None leaves the readout out, so that o_t = h_t.
        input_initialisation: of W_x, a name that `cell.initialisation` knows.
        recurrent_initialisation: of W_h.
        identity_scale: the s of `scaled_identity`.
        learned_state: whether h_0 is a parameter instead of 0.

    Attributes:
        weight_input: W_x, `[H, I]`.
        weight_recurrent: W_h, `[H, H]`.
        bias: b, `[H]`.
        weight_output: W_o, `[H, H]`, and `bias_output`: b_o, `[H]`; both None without a readout.

    Raises:
        UserError: a size is not positive, or a name is not known.
    """

    recurrent_blocks = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        activation: str = "tanh",
        output_activation: str | None = "tanh",
        input_initialisation: str = "glorot",
        recurrent_initialisation: str = "orthogonal",
        identity_scale: float = 1.0,
        learned_state: bool = False,
    ) -> None:
        check_positive(input_size=input_size, hidden_size=hidden_size)
        super().__init__(input_size, hidden_size)
        self.activation = activation_named(activation)
        self.output_activation = activation_named(output_activation)
        self.weight_input = nn.Parameter(torch.empty(hidden_size, input_size))
        self.weight_recurrent = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.zeros(hidden_size))
        initialise(self.weight_input, input_initialisation, identity_scale=identity_scale)
        initialise(self.weight_recurrent, recurrent_initialisation, identity_scale=identity_scale)
        self.weight_output = self.bias_output = None
        if output_activation is not None:
            self.weight_output = nn.Parameter(torch.empty(hidden_size, hidden_size))
            self.bias_output = nn.Parameter(torch.zeros(hidden_size))
            initialise(self.weight_output, "glorot")
        self.start = InitialState(learned_state, hidden=hidden_size)

    def initial_state(self, batch_size: int) -> ElmanState:
        return ElmanState(*self.start(batch_size))

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B H"]:
        return functional.linear(inputs, self.weight_input, self.bias)

    def step(
        self, projected: Float[Tensor, "B H"], state: ElmanState
    ) -> tuple[Float[Tensor, "B H"], ElmanState]:
        hidden = self.activation(torch.addmm(projected, state.hidden, self.weight_recurrent.t()))
        return self.readout(hidden), ElmanState(hidden.to(self.bias.dtype))

    def readout(self, hidden: Float[Tensor, "*T H"]) -> Float[Tensor, "*T H"]:
        """Compute o = φ_o(W_o h + b_o) for any number of hidden states at once."""
        if self.weight_output is None:
            return hidden
        return self.output_activation(functional.linear(hidden, self.weight_output, self.bias_output))
