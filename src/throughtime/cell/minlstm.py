"""The minimal LSTM (Feng et al. 2024, Were RNNs all we needed?, arXiv 2410.01201)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.cell.initial_state import InitialState
from throughtime.cell.initialisation import initialise
from throughtime.cell.linear_recurrence import LinearRecurrence
from throughtime.cell.mingru import make_positive
from throughtime.errors import check_positive


class MinLSTMState(NamedTuple):
    """h_t."""

    hidden: Float[Tensor, "B H"]


class MinLSTM(LinearRecurrence):
    """An LSTM whose gates and candidate do not see the state, and whose gates share one whole.

        f_t = σ(W_f x_t + b_f),  i_t = σ(W_i x_t + b_i)             forget and input gate
        n_t = g(W_n x_t + b_n)                                      candidate
        h_t = f_t / (f_t + i_t) ∘ h_{t-1} + i_t / (f_t + i_t) ∘ n_t

    The gates and the candidate are stacked in the order f, i, n.

    Args:
        input_size: I.
        hidden_size: H.
        forget_bias: where b_f begins.
        positive: whether g is `mingru.make_positive`, as in the paper's experiments, instead of the identity.
        learned_state: whether h_0 is a parameter instead of 0.

    Attributes:
        weight_input: W, `[3H, I]`.
        bias: b, `[3H]`.

    Raises:
        UserError: a size is not positive.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        forget_bias: float = 1.0,
        positive: bool = True,
        learned_state: bool = False,
    ) -> None:
        check_positive(input_size=input_size, hidden_size=hidden_size)
        super().__init__(input_size, hidden_size)
        self.positive = positive
        self.weight_input = nn.Parameter(torch.empty(3 * hidden_size, input_size))
        self.bias = nn.Parameter(torch.zeros(3 * hidden_size))
        self.bias.data[:hidden_size] = forget_bias
        initialise(self.weight_input, "glorot", 3)
        self.start = InitialState(learned_state, hidden=hidden_size)

    def initial_state(self, batch_size: int) -> MinLSTMState:
        return MinLSTMState(*self.start(batch_size))

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B G"]:
        """The two coefficients of h_t, which are a_t and b_t."""
        # In lower precision a gate near 1 would round to 1, and the state would never fade.
        f, i, n = functional.linear(inputs, self.weight_input, self.bias).to(self.bias.dtype).chunk(3, -1)
        # f / (f + i) = σ(log f - log i): no division, so two shut gates share the whole as well.
        odds = functional.logsigmoid(f) - functional.logsigmoid(i)
        n = make_positive(n) if self.positive else n
        return torch.cat((torch.sigmoid(odds), torch.sigmoid(-odds) * n), -1)

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
        self, projected: Float[Tensor, "B G"], state: MinLSTMState
    ) -> tuple[Float[Tensor, "B H"], MinLSTMState]:
        a, b = self.coefficients(projected)
        hidden = a * state.hidden + b
        return self.outputs(hidden, projected), MinLSTMState(hidden)
