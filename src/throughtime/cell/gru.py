"""The gated recurrent unit (Cho et al. 2014, EMNLP, arXiv 1406.1078)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.cell.base import Cell
from throughtime.cell.initial_state import InitialState
from throughtime.cell.initialisation import initialise
from throughtime.errors import check_choice, check_positive


class GRUState(NamedTuple):
    """h_t."""

    hidden: Float[Tensor, "B H"]


class GRU(Cell):
    """Gated recurrent unit: each unit interpolates between its old state and a new candidate.

        r_t = σ(W_r x_t + U_r h_{t-1} + b_r)                        reset gate
        z_t = σ(W_z x_t + U_z h_{t-1} + b_z)                        update gate
        n_t = tanh(W_n x_t + b_n + r_t ∘ (U_n h_{t-1} + c))         candidate, reset="after"
        n_t = tanh(W_n x_t + b_n + U_n (r_t ∘ h_{t-1}))             candidate, reset="before"
        h_t = (1 - z_t) ∘ n_t + z_t ∘ h_{t-1}

    The reset *after* the product is the form of cuDNN and of torch, the one *before* it that of the paper.
    The gates are stacked in the order r, z, n, which is also torch's.

    Args:
        input_size: I.
        hidden_size: H.
        reset: after or before.
        input_initialisation: of W, a name that `cell.initialisation` knows.
        recurrent_initialisation: of U.
        identity_scale: the s of `scaled_identity`.
        learned_state: whether h_0 is a parameter instead of 0.

    Attributes:
        weight_input: W, `[3H, I]`.
        weight_recurrent: U, `[3H, H]`.
        bias: b, `[3H]`.
        bias_recurrent: c, `[H]`; None with reset="before".

    Raises:
        UserError: a size is not positive, or a name is not known.
    """

    gates = ("reset", "keep", "candidate")
    recurrent_blocks = 3

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        reset: str = "after",
        input_initialisation: str = "glorot",
        recurrent_initialisation: str = "orthogonal",
        identity_scale: float = 1.0,
        learned_state: bool = False,
    ) -> None:
        check_positive(input_size=input_size, hidden_size=hidden_size)
        check_choice(("after", "before"), reset=reset)
        super().__init__(input_size, hidden_size)
        self.weight_input = nn.Parameter(torch.empty(3 * hidden_size, input_size))
        self.weight_recurrent = nn.Parameter(torch.empty(3 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.zeros(3 * hidden_size))
        self.bias_recurrent = nn.Parameter(torch.zeros(hidden_size)) if reset == "after" else None
        initialise(self.weight_input, input_initialisation, 3, identity_scale)
        initialise(self.weight_recurrent, recurrent_initialisation, 3, identity_scale)
        self.start = InitialState(learned_state, hidden=hidden_size)

    def initial_state(self, batch_size: int) -> GRUState:
        return GRUState(*self.start(batch_size))

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B G"]:
        return functional.linear(inputs, self.weight_input, self.bias)

    def step(self, projected: Float[Tensor, "B G"], state: GRUState) -> tuple[Float[Tensor, "B H"], GRUState]:
        inner = self._reset_before if self.bias_recurrent is None else self._reset_after
        update, candidate = inner(projected, state.hidden)
        hidden = candidate + update * (state.hidden - candidate)
        return hidden, GRUState(hidden.to(self.bias.dtype))

    def _reset_after(
        self, projected: Float[Tensor, "B G"], hidden: Float[Tensor, "B H"]
    ) -> tuple[Float[Tensor, "B H"], Float[Tensor, "B H"]]:
        """z_t and n_t from one product with all of U."""
        x, x_candidate = projected.split((2 * self.hidden_size, self.hidden_size), 1)
        u, u_candidate = functional.linear(hidden, self.weight_recurrent).split_with_sizes(
            (2 * self.hidden_size, self.hidden_size), 1
        )
        reset, update = torch.sigmoid(x + u).chunk(2, 1)
        return update, torch.tanh(x_candidate + reset * (u_candidate + self.bias_recurrent))

    def _reset_before(
        self, projected: Float[Tensor, "B G"], hidden: Float[Tensor, "B H"]
    ) -> tuple[Float[Tensor, "B H"], Float[Tensor, "B H"]]:
        """z_t and n_t, with the candidate's product after the reset gate."""
        sizes = (2 * self.hidden_size, self.hidden_size)
        x, x_candidate = projected.split(sizes, 1)
        u, u_candidate = self.weight_recurrent.split(sizes)
        reset, update = torch.sigmoid(torch.addmm(x, hidden, u.t())).chunk(2, 1)
        return update, torch.tanh(torch.addmm(x_candidate, reset * hidden, u_candidate.t()))
