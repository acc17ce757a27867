"""The augmented LSTM (Sherstinsky 2020, Physica D 404:132306, arXiv 1808.03314, section 7)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.cell.base import Cell
from throughtime.cell.initial_state import InitialState
from throughtime.cell.initialisation import initialise
from throughtime.cell.lstm import LSTMState
from throughtime.errors import check_positive


class AugmentedLSTMState(NamedTuple):
    """h_t, c_t, and the terms of past inputs in the sums of the next K - 1 steps; N is 5 H (K - 1)."""

    hidden: Float[Tensor, "B P"]
    cell: Float[Tensor, "B H"]
    pending: Float[Tensor, "B N"]


class AugmentedLSTM(Cell):
    """Augmented LSTM: an input window, gates that see the whole memory, an external input gate, and a projection.

        ξ_t = Σ_k W_k x_{t-k},  k = 0 … K - 1                        input window, for each of e, i, f, g, o
        e_t = σ(ξ_e + U_e h_{t-1} + V_e c_{t-1} + b_e)              external input gate
        i_t = σ(ξ_i + U_i h_{t-1} + V_i c_{t-1} + b_i)              input gate
        f_t = σ(ξ_f + U_f h_{t-1} + V_f c_{t-1} + b_f)              forget gate
        g_t = tanh(e_t ∘ ξ_g + U_g h_{t-1} + b_g)                   candidate
        c_t = f_t ∘ c_{t-1} + i_t ∘ g_t
        o_t = σ(ξ_o + U_o h_{t-1} + V_o c_t + b_o)                  output gate
        h_t = R (o_t ∘ tanh(c_t))                                   recurrent projection

    In the paper's letters e, i, f, o are g_cx, g_cu, g_cs, g_cr, and g, c, h are u, s, v. His window reaches ahead,
    over x_t … x_{t+K-1}. This one reaches back: it is the same K - 1 steps later, which a cell that is taken step by
    step can compute, and which never shows a model of the next symbol the symbol that it is to predict. (In the
    backward direction of a bidirectional model it reaches ahead.)

    All products W_k x_t are computed in `project`. The terms of x_t in later steps are a part of the state, so that a
    window goes on over chunks of a sequence and ends at a reset. With K = 1 there are none: the state is an LSTM's.

    Args:
        input_size: I.
        hidden_size: H.
        window: K, in steps.
        projection_size: P, the size of h_t; None for H.
        forget_bias: the initial b_f; 1 remembers at first (Jozefowicz et al. 2015, ICML).
        learned_state: whether the state before the first step is a parameter instead of 0.

    Attributes:
        weight_input: W_k, each `[5H, I]` in the order e, i, f, g, o; `[K 5H, I]` in the order of k.
        weight_recurrent: U, `[5H, P]`.
        weight_memory: V in the order e, i, f, o, `[4H, H]`.
        weight_projection: R, `[P, H]`.
        bias: b, `[5H]`.

    Raises:
        UserError: a size or the window is not positive.
    """

    gates = ("external", "write", "keep", "candidate", "output")
    recurrent_blocks = 5

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        window: int = 3,
        projection_size: int | None = None,
        forget_bias: float = 1.0,
        learned_state: bool = False,
    ) -> None:
        output_size = hidden_size if projection_size is None else projection_size
        check_positive(
            input_size=input_size, hidden_size=hidden_size, window=window, projection_size=output_size
        )
        super().__init__(input_size, hidden_size, output_size)
        self.window = window
        self.weight_input = nn.Parameter(torch.empty(window * 5 * hidden_size, input_size))
        self.weight_recurrent = nn.Parameter(torch.empty(5 * hidden_size, output_size))
        self.weight_memory = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.weight_projection = nn.Parameter(torch.empty(output_size, hidden_size))
        self.bias = nn.Parameter(torch.zeros(5 * hidden_size))
        self.bias.data[2 * hidden_size : 3 * hidden_size] = forget_bias
        initialise(self.weight_input, "glorot", 5 * window)
        self.weight_input.data /= window**0.5  # a sum of K terms has the variance of one
        initialise(self.weight_recurrent, "orthogonal", 5)
        initialise(self.weight_memory, "glorot", 4)
        initialise(self.weight_projection, "glorot")
        sizes = {"hidden": output_size, "cell": hidden_size}
        if window > 1:
            sizes["pending"] = (window - 1) * 5 * hidden_size
        self.start = InitialState(learned_state, **sizes)

    def initial_state(self, batch_size: int) -> AugmentedLSTMState | LSTMState:
        parts = self.start(batch_size)
        return AugmentedLSTMState(*parts) if self.window > 1 else LSTMState(*parts)

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B G"]:
        return functional.linear(inputs, self.weight_input)

    def step(
        self, projected: Float[Tensor, "B G"], state: AugmentedLSTMState | LSTMState
    ) -> tuple[Float[Tensor, "B P"], AugmentedLSTMState | LSTMState]:
        hidden, memory, *pending = state
        sums = len(self.bias)
        if pending:
            now, last = projected.split((sums * (self.window - 1), sums), 1)
            projected, *later = (now + pending[0]).split(sums, 1)
            pending = [torch.cat((*later, last), 1)]

        sizes = (3 * self.hidden_size, self.hidden_size, self.hidden_size)
        x, x_g, x_o = projected.split(sizes, 1)
        u, u_g, u_o = torch.addmm(self.bias, hidden, self.weight_recurrent.t()).split(sizes, 1)
        v, v_o = self.weight_memory.split(sizes[:2])
        e, i, f = torch.sigmoid(torch.addmm(x + u, memory, v.t())).chunk(3, 1)
        memory = f * memory + i * torch.tanh(e * x_g + u_g)
        o = torch.sigmoid(torch.addmm(x_o + u_o, memory, v_o.t()))
        hidden = functional.linear(o * torch.tanh(memory), self.weight_projection)
        after = (part.to(self.bias.dtype) for part in (hidden, memory, *pending))
        return hidden, type(state)(*after)
