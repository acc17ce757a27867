"""Coupled LSTMs of two tasks (Liu, Qiu & Huang 2016, IJCAI, arXiv 1605.05101, model II)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.cell.base import Cell
from throughtime.cell.initialisation import initialise
from throughtime.errors import check_positive

TASKS = 2


class CoupledState(NamedTuple):
    """h_t and c_t of both LSTMs, one after the other; P is 2 H."""

    hidden: Float[Tensor, "B P"]
    cell: Float[Tensor, "B P"]


class CoupledLSTM(Cell):
    """An LSTM for each of two tasks, whose candidates read the past of both through gates; m, i ∈ {1, 2}.

        i_t^m = σ(W_i^m x_t + U_i^m h_{t-1}^m + b_i^m)                       input gate; f_t^m and o_t^m alike
        g_t^(i→m) = σ(W_g^m x_t + U_g^i h_{t-1}^i + b_g^m)                   gate of what m takes from i
        c̃_t^m = tanh(W_c^m x_t + Σ_i g_t^(i→m) ∘ U_c^(i→m) h_{t-1}^i + b_c^m)
        c_t^m = f_t^m ∘ c_{t-1}^m + i_t^m ∘ c̃_t^m
        h_t^m = o_t^m ∘ tanh(c_t^m)

    The output is [h_t^1 ; h_t^2]. With every g = 1 and U_c^(i→m) = 0 for i ≠ m these are two LSTMs of one input.

    Args:
        input_size: I.
        hidden_size: H, of each of the two.
        forget_bias: the initial b_f; 1 remembers at first.

    Attributes:
        weight_input: W of task 1 and then of task 2, each in the order i, f, o, g, c, `[10H, I]`.
        weight_recurrent: U of h^1 and of h^2, each in the order U_i, U_f, U_o, U_g, U_c^(·→1), U_c^(·→2), `[2, 6H, H]`.
        bias: b in the order of W, `[10H]`.

    Raises:
        UserError: a size is not positive.
    """

    gates = ("write", "keep", "output", "read", "candidate") * TASKS
    recurrent_blocks = TASKS * 6

    def __init__(self, input_size: int, hidden_size: int, forget_bias: float = 1.0) -> None:
        check_positive(input_size=input_size, hidden_size=hidden_size)
        super().__init__(input_size, hidden_size, TASKS * hidden_size)
        self.weight_input = nn.Parameter(torch.empty(TASKS * 5 * hidden_size, input_size))
        self.weight_recurrent = nn.Parameter(torch.empty(TASKS, 6 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.zeros(TASKS * 5 * hidden_size))
        initialise(self.weight_input, "glorot", TASKS * 5)
        for weight in self.weight_recurrent.data:
            initialise(weight, "orthogonal", 6)
        self.bias.data.view(TASKS, 5, hidden_size)[:, 1] = forget_bias

    def initial_state(self, batch_size: int) -> CoupledState:
        zero = self.bias.new_zeros(batch_size, self.output_size)
        return CoupledState(zero, zero.clone())

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B G"]:
        return functional.linear(inputs, self.weight_input, self.bias)

    def step(
        self, projected: Float[Tensor, "B G"], state: CoupledState
    ) -> tuple[Float[Tensor, "B P"], CoupledState]:
        size = self.hidden_size
        # `unbind` stays inside a traced step, where unpacking the parameter would not.
        weights = self.weight_recurrent.unbind()
        past = [functional.linear(h, u) for h, u in zip(state.hidden.chunk(TASKS, 1), weights, strict=True)]
        # Of each past state: the terms of its own task's gates, of g, and of both candidates.
        own, gate, first, second = zip(
            *(part.split((3 * size, size, size, size), 1) for part in past), strict=True
        )
        hidden, memory = [], []
        for task, (x, before) in enumerate(
            zip(projected.chunk(TASKS, 1), state.cell.chunk(TASKS, 1), strict=True)
        ):
            x_own, x_gate, x_candidate = x.split((3 * size, size, size), 1)
            i, f, o = torch.sigmoid(x_own + own[task]).chunk(3, 1)
            taken = [torch.sigmoid(x_gate + g) * u for g, u in zip(gate, (first, second)[task], strict=True)]
            memory.append(f * before + i * torch.tanh(x_candidate + taken[0] + taken[1]))
            hidden.append(o * torch.tanh(memory[-1]))
        output, dtype = torch.cat(hidden, 1), self.bias.dtype
        return output, CoupledState(output.to(dtype), torch.cat(memory, 1).to(dtype))
