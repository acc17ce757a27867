"""The GRU with layer normalisation (Ba, Kiros & Hinton 2016, arXiv 1607.06450, supplement)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.cell.base import Cell
from throughtime.cell.initial_state import InitialState
from throughtime.cell.initialisation import initialise
from throughtime.errors import check_positive


class LayerNormGRUState(NamedTuple):
    """h_t."""

    hidden: Float[Tensor, "B H"]


class LayerNormGRU(Cell):
    """GRU with layer normalisation: each sum is normalised over the units before its nonlinearity.

        r, z = σ(N(W_rz x_t) ∘ α_rz + N(U_rz h_{t-1}) ∘ β_rz + b_rz)     N(a) = (a - mean a) / √(var a + 10⁻⁵)
        n_t = tanh(N(W_n x_t) ∘ α_n + b_n + r ∘ (N(U_n h_{t-1}) ∘ β_n + c))
        h_t = (1 - z) ∘ n_t + z ∘ h_{t-1}

    N runs over the 2H sums of both gates at once, as in the paper, and over the H of the candidate. The gates
    are stacked in the order r, z, n; z is what the paper calls 1 - z, as in `GRU`.

    Args:
        input_size: I.
        hidden_size: H.
        learned_state: whether h_0 is a parameter instead of 0.

    Attributes:
        weight_input: W, `[3H, I]`.
        weight_recurrent: U, `[3H, H]`.
        bias: b, `[3H]`.
        bias_recurrent: c, `[H]`.
        gain_input, gain_recurrent: α and β, `[3H]`.

    Raises:
        UserError: a size is not positive.
    """

    gates = ("reset", "keep", "candidate")
    recurrent_blocks = 3

    def __init__(self, input_size: int, hidden_size: int, learned_state: bool = False) -> None:
        check_positive(input_size=input_size, hidden_size=hidden_size)
        super().__init__(input_size, hidden_size)
        self.weight_input = nn.Parameter(torch.empty(3 * hidden_size, input_size))
        self.weight_recurrent = nn.Parameter(torch.empty(3 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.zeros(3 * hidden_size))
        self.bias_recurrent = nn.Parameter(torch.zeros(hidden_size))
        self.gain_input = nn.Parameter(torch.ones(3 * hidden_size))
        self.gain_recurrent = nn.Parameter(torch.ones(3 * hidden_size))
        initialise(self.weight_input, "glorot", 3)
        initialise(self.weight_recurrent, "orthogonal", 3)
        self.start = InitialState(learned_state, hidden=hidden_size)

    def initial_state(self, batch_size: int) -> LayerNormGRUState:
        return LayerNormGRUState(*self.start(batch_size))

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B G"]:
        sums = functional.linear(inputs, self.weight_input)
        return torch.cat(self._normalised(sums, self.gain_input), -1) + self.bias

    def step(
        self, projected: Float[Tensor, "B G"], state: LayerNormGRUState
    ) -> tuple[Float[Tensor, "B H"], LayerNormGRUState]:
        x, x_candidate = projected.split((2 * self.hidden_size, self.hidden_size), 1)
        sums = functional.linear(state.hidden, self.weight_recurrent)
        u, u_candidate = self._normalised(sums, self.gain_recurrent)
        reset, update = torch.sigmoid(x + u).chunk(2, 1)
        candidate = torch.tanh(x_candidate + reset * (u_candidate + self.bias_recurrent))
        hidden = candidate + update * (state.hidden - candidate)
        return hidden, LayerNormGRUState(hidden.to(self.bias.dtype))

    def _normalised(
        self, sums: Float[Tensor, "*T B G"], gain: Float[Tensor, " G"]
    ) -> tuple[Float[Tensor, "*T B R"], Float[Tensor, "*T B H"]]:
        """N ∘ gain of the gates r and z together, and of the candidate."""
        sizes = (2 * self.hidden_size, self.hidden_size)
        parts = zip(sums.split(sizes, -1), gain.split(sizes), strict=True)
        gates, candidate = (functional.layer_norm(part, g.shape, g) for part, g in parts)
        return gates, candidate
