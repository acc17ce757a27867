"""The LSTM with layer normalisation (Ba, Kiros & Hinton 2016, arXiv 1607.06450, supplement, eqs. 20-22)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.cell.base import Cell
from throughtime.cell.initial_state import InitialState
from throughtime.cell.initialisation import initialise
from throughtime.errors import check_positive


class LayerNormLSTMState(NamedTuple):
    """h_t and c_t."""

    hidden: Float[Tensor, "B H"]
    cell: Float[Tensor, "B H"]


class LayerNormLSTM(Cell):
    """LSTM with layer normalisation: each sum is normalised over the units before its nonlinearity.

        i, f, g, o = N(W x_t) ∘ α_x + N(U h_{t-1}) ∘ α_h + b        N(a) = (a - mean a) / √(var a + 10⁻⁵)
        c_t = σ(f) ∘ c_{t-1} + σ(i) ∘ tanh(g)
        h_t = σ(o) ∘ tanh(N(c_t) ∘ α_c + b_c)

    N runs over all 4H sums at once, as in the paper; its offsets β for x and h are one with b. The gates are
    stacked in the order i, f, g, o.

    Args:
        input_size: I.
        hidden_size: H.
        forget_bias: the initial b_f; 1 remembers at first (Jozefowicz et al. 2015, ICML).
        learned_state: whether h_0 and c_0 are parameters instead of 0.

    Attributes:
        weight_input: W, `[4H, I]`.
        weight_recurrent: U, `[4H, H]`.
        bias: b, `[4H]`.
        gain_input, gain_recurrent: α_x and α_h, `[4H]`.
        gain_cell, bias_cell: α_c and b_c, `[H]`.

    Raises:
        UserError: a size is not positive.
    """

    gates = ("write", "keep", "candidate", "output")
    recurrent_blocks = 4

    def __init__(
        self, input_size: int, hidden_size: int, forget_bias: float = 1.0, learned_state: bool = False
    ) -> None:
        check_positive(input_size=input_size, hidden_size=hidden_size)
        super().__init__(input_size, hidden_size)
        self.weight_input = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_recurrent = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))
        self.bias.data[hidden_size : 2 * hidden_size] = forget_bias
        self.gain_input = nn.Parameter(torch.ones(4 * hidden_size))
        self.gain_recurrent = nn.Parameter(torch.ones(4 * hidden_size))
        self.gain_cell = nn.Parameter(torch.ones(hidden_size))
        self.bias_cell = nn.Parameter(torch.zeros(hidden_size))
        initialise(self.weight_input, "glorot", 4)
        initialise(self.weight_recurrent, "orthogonal", 4)
        self.start = InitialState(learned_state, hidden=hidden_size, cell=hidden_size)

    def initial_state(self, batch_size: int) -> LayerNormLSTMState:
        return LayerNormLSTMState(*self.start(batch_size))

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B G"]:
        sums = functional.linear(inputs, self.weight_input)
        return functional.layer_norm(sums, self.bias.shape, self.gain_input, self.bias)

    def step(
        self, projected: Float[Tensor, "B G"], state: LayerNormLSTMState
    ) -> tuple[Float[Tensor, "B H"], LayerNormLSTMState]:
        sums = functional.linear(state.hidden, self.weight_recurrent)
        gates = projected + functional.layer_norm(sums, self.bias.shape, self.gain_recurrent)
        i, f, g, o = gates.chunk(4, 1)
        memory = torch.sigmoid(f) * state.cell + torch.sigmoid(i) * torch.tanh(g)
        normal = functional.layer_norm(memory, self.bias_cell.shape, self.gain_cell, self.bias_cell)
        hidden = torch.sigmoid(o) * torch.tanh(normal)
        dtype = self.bias.dtype
        return hidden, LayerNormLSTMState(hidden.to(dtype), memory.to(dtype))
