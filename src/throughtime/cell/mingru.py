"""The minimal GRU (Feng et al. 2024, Were RNNs all we needed?, arXiv 2410.01201)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.cell.initial_state import InitialState
from throughtime.cell.initialisation import initialise
from throughtime.cell.linear_recurrence import LinearRecurrence
from throughtime.errors import check_positive


class MinGRUState(NamedTuple):
    """h_t."""

    hidden: Float[Tensor, "B H"]


def make_positive(values: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """g(v) = v + ½ for v ≥ 0, else σ(v): above 0, continuous and increasing (Feng et al. 2024, appendix B)."""
    return torch.where(values >= 0, values + 0.5, torch.sigmoid(values))


class MinGRU(LinearRecurrence):
    """A GRU whose gate and candidate do not see the state.

        z_t = σ(W_z x_t + b_z)                                      update gate
        n_t = g(W_n x_t + b_n)                                      candidate
        h_t = (1 - z_t) ∘ h_{t-1} + z_t ∘ n_t

    The gate and the candidate are stacked in the order z, n.

    Args:
        input_size: I.
        hidden_size: H.
        positive: whether g is `make_positive`, as in the paper's experiments, instead of the identity.
        learned_state: whether h_0 is a parameter instead of 0.

    Attributes:
        weight_input: W, `[2H, I]`.
        bias: b, `[2H]`.

    Raises:
        UserError: a size is not positive.
    """

    def __init__(
        self, input_size: int, hidden_size: int, positive: bool = True, learned_state: bool = False
    ) -> None:
        check_positive(input_size=input_size, hidden_size=hidden_size)
        super().__init__(input_size, hidden_size)
        self.positive = positive
        self.weight_input = nn.Parameter(torch.empty(2 * hidden_size, input_size))
        self.bias = nn.Parameter(torch.zeros(2 * hidden_size))
        initialise(self.weight_input, "glorot", 2)
        self.start = InitialState(learned_state, hidden=hidden_size)

    def initial_state(self, batch_size: int) -> MinGRUState:
        return MinGRUState(*self.start(batch_size))

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B G"]:
        """1 - z_t and z_t ∘ n_t, which are a_t and b_t."""
        # In lower precision 1 - z would round to 1, and the state would never fade.
        z, n = functional.linear(inputs, self.weight_input, self.bias).to(self.bias.dtype).chunk(2, -1)
        n = make_positive(n) if self.positive else n
        return torch.cat((torch.sigmoid(-z), torch.sigmoid(z) * n), -1)

    def coefficients(
        self, projected: Float[Tensor, "*T B G"]
    ) -> tuple[Float[Tensor, "*T B H"], Float[Tensor, "*T B H"]]:
        a, b = projected.chunk(2, -1)
        return a, b

    def outputs(
        self, hidden: Float[Tensor, "*T B H"], projected: Float[Tensor, "*T B G"]
    ) -> Float[Tensor, "*T B H"]:
        return hidden

    def step(
        self, projected: Float[Tensor, "B G"], state: MinGRUState
    ) -> tuple[Float[Tensor, "B H"], MinGRUState]:
        a, b = self.coefficients(projected)
        hidden = a * state.hidden + b
        return self.outputs(hidden, projected), MinGRUState(hidden)
