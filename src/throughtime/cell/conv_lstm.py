"""Convolutional LSTM (Shi et al. 2015, arXiv 1506.04214)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.cell.base import Cell
from throughtime.cell.initial_state import InitialState
from throughtime.cell.initialisation import initialise
from throughtime.errors import UserError, check_positive


class ConvLSTMState(NamedTuple):
    """h_t and c_t, the maps of all channels in one row."""

    hidden: Float[Tensor, "B H"]
    cell: Float[Tensor, "B H"]


class ConvLSTM(Cell):
    """Long short-term memory of maps: input and state are images, and convolutions take the place of products.

        i_t = σ(W_i * x_t + U_i * h_{t-1} + p_i ∘ c_{t-1} + b_i)        input gate
        f_t = σ(W_f * x_t + U_f * h_{t-1} + p_f ∘ c_{t-1} + b_f)        forget gate
        g_t = tanh(W_g * x_t + U_g * h_{t-1} + b_g)                     candidate
        c_t = f_t ∘ c_{t-1} + i_t ∘ g_t
        o_t = σ(W_o * x_t + U_o * h_{t-1} + p_o ∘ c_t + b_o)            output gate
        h_t = o_t ∘ tanh(c_t)

    Features are the pixels of images in the order channel, row, column: I = C_x · height · width, H = C_h · height ·
    width. Outside of the images everything is 0. The terms p are there with `peepholes`. With images of one pixel it is
    the LSTM.

    Args:
        input_size: I.
        hidden_size: H.
        height, width: of the images, in pixels.
        kernel: the side of the filters in pixels, odd.
        forget_bias: the initial b_f.
        peepholes: whether the gates see the memory.
        learned_state: whether h_0 and c_0 are parameters instead of 0.

    Attributes:
        weight_input: W, `[4 C_h, C_x, kernel, kernel]`.
        weight_recurrent: U, `[4 C_h, C_h, kernel, kernel]`.
        bias: b, `[4 C_h]`.
        weight_peephole: p in the order i, f, o, `[3, H]`, or None.

    Raises:
        UserError: a size is not positive, the kernel is even, or I or H is no whole number of images.
    """

    gates = ("write", "keep", "candidate", "output")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        height: int = 1,
        width: int = 1,
        kernel: int = 3,
        forget_bias: float = 1.0,
        peepholes: bool = False,
        learned_state: bool = False,
    ) -> None:
        check_positive(
            input_size=input_size, hidden_size=hidden_size, height=height, width=width, kernel=kernel
        )
        if kernel % 2 == 0:
            raise UserError(f"kernel={kernel} must be odd, so that a filter has a middle")
        pixels = height * width
        for name, size in (("hidden_size", hidden_size), ("input_size", input_size)):
            if size % pixels:
                raise UserError(
                    f"{name}={size} is no whole number of images of {height} x {width} pixels; set height and width to "
                    f"those of the features, and hidden_size to a multiple of {pixels}"
                )
        super().__init__(input_size, hidden_size)
        self.image = height, width
        self.channels = hidden_size // pixels
        self.weight_input = nn.Parameter(torch.empty(4 * self.channels, input_size // pixels, kernel, kernel))
        self.weight_recurrent = nn.Parameter(torch.empty(4 * self.channels, self.channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(4 * self.channels))
        self.bias.data[self.channels : 2 * self.channels] = forget_bias
        for weight in (self.weight_input, self.weight_recurrent):
            initialise(weight.data.flatten(1), "glorot", 4)
        self.weight_peephole = nn.Parameter(torch.zeros(3, hidden_size)) if peepholes else None
        self.start = InitialState(learned_state, hidden=hidden_size, cell=hidden_size)

    def initial_state(self, batch_size: int) -> ConvLSTMState:
        return ConvLSTMState(*self.start(batch_size))

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B G"]:
        rows = self._convolved(inputs.reshape(-1, self.input_size), self.weight_input, self.bias)
        return rows.view(*inputs.shape[:-1], 4 * self.hidden_size)

    def step(
        self, projected: Float[Tensor, "B G"], state: ConvLSTMState
    ) -> tuple[Float[Tensor, "B H"], ConvLSTMState]:
        gates = projected + self._convolved(state.hidden, self.weight_recurrent, None)
        i, f, g, o = gates.chunk(4, 1)
        if self.weight_peephole is not None:
            p_i, p_f, p_o = self.weight_peephole.unbind()
            i, f = i + p_i * state.cell, f + p_f * state.cell
        memory = torch.sigmoid(f) * state.cell + torch.sigmoid(i) * torch.tanh(g)
        if self.weight_peephole is not None:
            o = o + p_o * memory
        hidden = torch.sigmoid(o) * torch.tanh(memory)
        dtype = self.bias.dtype
        return hidden, ConvLSTMState(hidden.to(dtype), memory.to(dtype))

    def _convolved(
        self, rows: Float[Tensor, "N F"], weight: Float[Tensor, "G C k k"], bias: Float[Tensor, " G"] | None
    ) -> Float[Tensor, "N P"]:
        """Images of all channels in a row each, convolved with filters, in the same form."""
        images = rows.view(-1, weight.shape[1], *self.image)
        return functional.conv2d(images, weight, bias, padding=weight.shape[-1] // 2).flatten(1)
