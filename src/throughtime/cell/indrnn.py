"""The independently recurrent network (Li, Li, Cook, Zhu & Gao 2018, CVPR, arXiv 1803.04831)."""

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


class IndRNNState(NamedTuple):
    """h_t."""

    hidden: Float[Tensor, "B H"]


class IndRNN(Cell):
    """Independently recurrent network: h_t = φ(W x_t + u ∘ h_{t-1} + b), where a unit sees its own past only.

    Units are combined in the next layer, so the paper stacks many. It keeps |u| ≤ 2^{1/T}, within which a ReLU's
    state at most doubles in T steps; here u is only initialised so.

    Args:
        input_size: I.
        hidden_size: H.
        activation: φ, a name or path that `cell.activation` knows.
        recurrent_maximum: u is initialised uniformly in [0, recurrent_maximum].
        learned_state: whether h_0 is a parameter instead of 0.

    Attributes:
        weight_input: W, `[H, I]`.
        weight_recurrent: u, `[H]`.
        bias: b, `[H]`.

    Raises:
        UserError: a size or the maximum is not positive, or the activation is not known.
    """

    recurrent_blocks = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        activation: str = "relu",
        recurrent_maximum: float = 1.0,
        learned_state: bool = False,
    ) -> None:
        check_positive(input_size=input_size, hidden_size=hidden_size, recurrent_maximum=recurrent_maximum)
        super().__init__(input_size, hidden_size)
        self.activation = activation_named(activation)
        self.weight_input = nn.Parameter(torch.empty(hidden_size, input_size))
        self.weight_recurrent = nn.Parameter(recurrent_maximum * torch.rand(hidden_size))
        self.bias = nn.Parameter(torch.zeros(hidden_size))
        initialise(self.weight_input, "glorot")
        self.start = InitialState(learned_state, hidden=hidden_size)

    def initial_state(self, batch_size: int) -> IndRNNState:
        return IndRNNState(*self.start(batch_size))

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B H"]:
        return functional.linear(inputs, self.weight_input, self.bias)

    def step(
        self, projected: Float[Tensor, "B H"], state: IndRNNState
    ) -> tuple[Float[Tensor, "B H"], IndRNNState]:
        hidden = self.activation(projected + self.weight_recurrent * state.hidden)
        return hidden, IndRNNState(hidden.to(self.bias.dtype))
