"""The sLSTM cell of xLSTM (Beck et al. 2024, NeurIPS, arXiv 2405.04517)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.cell.base import Cell
from throughtime.cell.initial_state import InitialState
from throughtime.cell.initialisation import initialise
from throughtime.errors import UserError, check_choice, check_positive

FORGET_GATES = ("sigmoid", "exponential")
LOG_NOTHING = -1e4
"""log n_0 of an empty memory: its exponential is 0 in every precision, and float16 can hold it."""


class SLSTMState(NamedTuple):
    """h_t, s_t = c_t / n_t and log n_t."""

    hidden: Float[Tensor, "B H"]
    cell: Float[Tensor, "B H"]
    log_normaliser: Float[Tensor, "B H"]


class SLSTM(Cell):
    """sLSTM: an LSTM with an exponential input gate, a normaliser, and recurrent weights by heads.

        ĩ, f̃, z̃, õ = W x_t + R h_{t-1} + b                          R is block-diagonal: a head sees only itself
        i_t = exp(ĩ),  f_t = σ(f̃) or exp(f̃),  z_t = tanh(z̃),  o_t = σ(õ)
        c_t = f_t ∘ c_{t-1} + i_t ∘ z_t                             memory
        n_t = f_t ∘ n_{t-1} + i_t                                   normaliser
        h_t = o_t ∘ c_t / n_t                                       with c_0 = n_0 = 0

    c and n overflow, so the paper carries c e^{-m} and n e^{-m} with the stabiliser m_t = max(log f_t + m_{t-1},
    log i_t), which cancels in h. Here what h depends on is carried instead, s_t = c_t / n_t and log n_t:

        d_t = log f_t + log n_{t-1} - ĩ                             log of f_t n_{t-1} / i_t
        s_t = σ(d_t) ∘ s_{t-1} + σ(-d_t) ∘ z_t
        log n_t = ĩ - log σ(-d_t)                                   log(f_t n_{t-1} + i_t)
        h_t = o_t ∘ s_t

    It is the same h, it overflows nowhere, and it needs one state less: m_t is the maximum of the two terms whose
    log-sum-exp log n_t is. No direction of the state is redundant, as (c, n, m) ↦ (c e^a, n e^a, m - a) is, so that
    any numbers are a state and a gradient of the state is unique.

    The gates are stacked in the order i, f, z, o, as in the reference code.

    Args:
        input_size: I.
        hidden_size: H.
        heads: N, the number of diagonal blocks of R; it divides H. 1 mixes all units.
        forget_gate: "sigmoid" or "exponential".
        forget_bias: the initial b_f; None for that of the reference code, which falls from 5 to -7 over the d units of
            a head: 5 - 12 (j / (d - 1))^0.3.
        recurrent_initialisation: of R, block by block, a name that `cell.initialisation` knows.
        learned_state: whether h_0, s_0 and log n_0 are parameters, at first 0, instead of c_0 = n_0 = 0.

    Attributes:
        weight_input: W, `[4H, I]`.
        weight_recurrent: R without its zeros, `[4H, H / N]`; the rows of a gate are those of its heads.
        bias: b, `[4H]`.

    Raises:
        UserError: a size is not positive, the heads do not divide H, or a name is not known.
    """

    gates = ("write", "keep", "candidate", "output")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        heads: int = 4,
        forget_gate: str = "sigmoid",
        forget_bias: float | None = None,
        recurrent_initialisation: str = "zeros",
        learned_state: bool = False,
    ) -> None:
        check_positive(input_size=input_size, hidden_size=hidden_size, heads=heads)
        check_choice(FORGET_GATES, forget_gate=forget_gate)
        if hidden_size % heads:
            raise UserError(f"heads={heads} must divide hidden_size={hidden_size}")
        super().__init__(input_size, hidden_size)
        self.heads, self.forget_gate = heads, forget_gate
        units = hidden_size // heads
        self.weight_input = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_recurrent = nn.Parameter(torch.empty(4 * hidden_size, units))
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))
        falling = (5 - 12 * torch.linspace(0, 1, units) ** 0.3).repeat(heads)
        self.bias.data[hidden_size : 2 * hidden_size] = falling if forget_bias is None else forget_bias
        initialise(self.weight_input, "glorot", 4)
        initialise(self.weight_recurrent, recurrent_initialisation, 4 * heads)
        sizes = dict.fromkeys(SLSTMState._fields, hidden_size)
        self.start = InitialState(learned_state, **sizes)
        if not learned_state:
            self.start.log_normaliser.fill_(LOG_NOTHING)

    @property
    def recurrent_blocks(self) -> int:
        return 4 * self.heads

    def initial_state(self, batch_size: int) -> SLSTMState:
        return SLSTMState(*self.start(batch_size))

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B G"]:
        return functional.linear(inputs, self.weight_input, self.bias)

    def step(
        self, projected: Float[Tensor, "B G"], state: SLSTMState
    ) -> tuple[Float[Tensor, "B H"], SLSTMState]:
        i, f, z, o = (projected + self._mixed(state.hidden)).chunk(4, 1)
        log_forget = f if self.forget_gate == "exponential" else functional.logsigmoid(f)
        d = log_forget + state.log_normaliser - i
        cell = torch.sigmoid(d) * state.cell + torch.sigmoid(-d) * torch.tanh(z)
        log_normaliser = i - functional.logsigmoid(-d)
        hidden = torch.sigmoid(o) * cell
        dtype = self.bias.dtype
        return hidden, SLSTMState(hidden.to(dtype), cell.to(dtype), log_normaliser.to(dtype))

    def _mixed(self, hidden: Float[Tensor, "B H"]) -> Float[Tensor, "B G"]:
        """R h, one product a head."""
        units = self.hidden_size // self.heads
        blocks = self.weight_recurrent.view(4, self.heads, units, units).transpose(0, 1)
        weights = blocks.reshape(self.heads, 4 * units, units).unbind()
        products = [
            functional.linear(h, w) for h, w in zip(hidden.chunk(self.heads, 1), weights, strict=True)
        ]
        gates = zip(*(product.chunk(4, 1) for product in products), strict=True)
        return torch.cat([head for gate in gates for head in gate], 1)
