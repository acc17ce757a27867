"""An LSTM that reads a shared layer through a gate (Liu, Qiu & Huang 2016, IJCAI, arXiv 1605.05101, model III)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.cell.base import Cell
from throughtime.cell.initialisation import initialise
from throughtime.cell.lstm import LSTMState
from throughtime.errors import UserError, check_positive


class SharedReaderLSTM(Cell):
    """The LSTM of one task over [x_t ; s_t], where s_t = h_t^(s) is the output of a layer that all tasks share.

        i_t = σ(W_i x_t + U_i h_{t-1} + b_i)                                 input gate; f_t and o_t alike
        g_t = σ(W_g x_t + U_g h_{t-1} + b_g)                                 gate of its own past
        g_t^(s) = σ(W_g x_t + U_g^(s) s_t + b_g)                             gate of the shared layer
        c̃_t = tanh(W_c x_t + g_t ∘ U_c h_{t-1} + g_t^(s) ∘ U_c^(s) s_t + b_c)
        c_t = f_t ∘ c_{t-1} + i_t ∘ c̃_t
        h_t = o_t ∘ tanh(c_t)

    No term of s_t needs the state, so all of them are computed in `project`.

    Args:
        input_size: the features of x_t and of s_t together.
        hidden_size: H.
        shared_size: S, the features of s_t, which are the last ones of the input.
        forget_bias: the initial b_f; 1 remembers at first.

    Attributes:
        weight_input: W in the order i, f, o, g, c, `[5H, I - S]`.
        weight_shared: U_g^(s) and U_c^(s), `[2H, S]`.
        weight_recurrent: U in the order i, f, o, g, c, `[5H, H]`.
        bias: b in the same order, `[5H]`.

    Raises:
        UserError: a size is not positive, or no feature of x_t is left.
    """

    gates = ("write", "keep", "output", "read", "candidate")
    recurrent_blocks = 5

    def __init__(self, input_size: int, hidden_size: int, shared_size: int, forget_bias: float = 1.0) -> None:
        check_positive(input_size=input_size, hidden_size=hidden_size, shared_size=shared_size)
        if shared_size >= input_size:
            raise UserError(f"shared_size={shared_size} must be below the {input_size} features of the input")
        super().__init__(input_size, hidden_size)
        self.shared_size = shared_size
        self.weight_input = nn.Parameter(torch.empty(5 * hidden_size, input_size - shared_size))
        self.weight_shared = nn.Parameter(torch.empty(2 * hidden_size, shared_size))
        self.weight_recurrent = nn.Parameter(torch.empty(5 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.zeros(5 * hidden_size))
        initialise(self.weight_input, "glorot", 5)
        initialise(self.weight_shared, "glorot", 2)
        initialise(self.weight_recurrent, "orthogonal", 5)
        self.bias.data[hidden_size : 2 * hidden_size] = forget_bias

    def initial_state(self, batch_size: int) -> LSTMState:
        zero = self.bias.new_zeros(batch_size, self.hidden_size)
        return LSTMState(zero, zero.clone())

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B G"]:
        size = self.hidden_size
        own, shared = inputs.split((self.input_size - self.shared_size, self.shared_size), -1)
        gates, gate, candidate = functional.linear(own, self.weight_input, self.bias).split(
            (3 * size, size, size), -1
        )
        shared_gate, read = functional.linear(shared, self.weight_shared).chunk(2, -1)
        return torch.cat((gates, gate, candidate + torch.sigmoid(gate + shared_gate) * read), -1)

    def step(
        self, projected: Float[Tensor, "B G"], state: LSTMState
    ) -> tuple[Float[Tensor, "B H"], LSTMState]:
        size = self.hidden_size
        x, x_candidate = projected.split((4 * size, size), 1)
        u, u_candidate = functional.linear(state.hidden, self.weight_recurrent).split((4 * size, size), 1)
        i, f, o, g = torch.sigmoid(x + u).chunk(4, 1)
        memory = f * state.cell + i * torch.tanh(x_candidate + g * u_candidate)
        hidden = o * torch.tanh(memory)
        dtype = self.bias.dtype
        return hidden, LSTMState(hidden.to(dtype), memory.to(dtype))
