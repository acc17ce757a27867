"""The light GRU (Ravanelli, Brakel, Omologo & Bengio 2018, IEEE TETCI 2:92, arXiv 1803.10225)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.cell.base import Cell
from throughtime.cell.initial_state import InitialState
from throughtime.cell.initialisation import initialise
from throughtime.errors import check_positive


class LiGRUState(NamedTuple):
    """h_t."""

    hidden: Float[Tensor, "B H"]


class LiGRU(Cell):
    """Light GRU: a GRU without a reset gate, with a rectified candidate and normalised input sums.

        z_t = σ(N(W x_t)_z + U_z h_{t-1})                           update gate
        n_t = max(0, N(W x_t)_n + U_n h_{t-1})                      candidate
        h_t = z_t ∘ h_{t-1} + (1 - z_t) ∘ n_t

    N(a) = α ∘ (a - mean a) / √(var a + 10⁻⁵) + b keeps the input sums, and so the outputs of ReLU, in bounds. In
    the paper mean and variance are those of a batch (Ioffe & Szegedy 2015). Here they are those of the 2H sums of
    one step of one lane (layer normalisation, Ba et al. 2016): a batch's would make a lane depend on its neighbours
    and on padding, and a step that is taken alone, as in generation, has no batch.

    The gate and the candidate are stacked in the order z, n.

    Args:
        input_size: I.
        hidden_size: H.
        normalised: whether there is N; without it the sums are W x_t + b.
        learned_state: whether h_0 is a parameter instead of 0.

    Attributes:
        weight_input: W, `[2H, I]`.
        weight_recurrent: U, `[2H, H]`.
        gain: α, `[2H]`, or None.
        bias: b, `[2H]`.

    Raises:
        UserError: a size is not positive.
    """

    gates = ("keep", "candidate")
    recurrent_blocks = 2

    def __init__(
        self, input_size: int, hidden_size: int, normalised: bool = True, learned_state: bool = False
    ) -> None:
        check_positive(input_size=input_size, hidden_size=hidden_size)
        super().__init__(input_size, hidden_size)
        self.weight_input = nn.Parameter(torch.empty(2 * hidden_size, input_size))
        self.weight_recurrent = nn.Parameter(torch.empty(2 * hidden_size, hidden_size))
        self.gain = nn.Parameter(torch.ones(2 * hidden_size)) if normalised else None
        self.bias = nn.Parameter(torch.zeros(2 * hidden_size))
        initialise(self.weight_input, "glorot", 2)
        initialise(self.weight_recurrent, "orthogonal", 2)
        self.start = InitialState(learned_state, hidden=hidden_size)

    def initial_state(self, batch_size: int) -> LiGRUState:
        return LiGRUState(*self.start(batch_size))

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B G"]:
        if self.gain is None:
            return functional.linear(inputs, self.weight_input, self.bias)
        sums = functional.linear(inputs, self.weight_input)
        return functional.layer_norm(sums, self.bias.shape, self.gain, self.bias)

    def step(
        self, projected: Float[Tensor, "B G"], state: LiGRUState
    ) -> tuple[Float[Tensor, "B H"], LiGRUState]:
        z, n = torch.addmm(projected, state.hidden, self.weight_recurrent.t()).chunk(2, 1)
        candidate = torch.relu(n)
        hidden = candidate + torch.sigmoid(z) * (state.hidden - candidate)
        return hidden, LiGRUState(hidden.to(self.bias.dtype))
