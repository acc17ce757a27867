"""Lanes of different lengths for an LSTM on a CPU, where packing them would forgo oneDNN's fast kernel."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from throughtime.cell.base import Cell
from throughtime.cell.lstm import LSTM, LSTMState
from throughtime.engine.torch_kernels.kernels import run_kernel

# σ(±CLOSED) is 1 and 0 to the last bit, and the number is within every precision's range.
CLOSED = 1e4


def fits(cell: Cell, inputs: Float[Tensor, "T B I"]) -> bool:
    """Whether this way is the faster one."""
    return inputs.device.type == "cpu" and isinstance(cell, LSTM) and cell.weight_projection is None


def run_padded(
    cell: LSTM, inputs: Float[Tensor, "T B I"], state: LSTMState, lengths: Int[Tensor, " B"]
) -> tuple[Float[Tensor, "T B H"], LSTMState]:
    """Run all lanes to the end, a lane's gates held shut to everything new once its length is over.

    One more input feature says that a step is padding; its weights force f = 1 and i = 0, so that

        c_t = 1 ∘ c_{t-1} + 0 ∘ g_t = c_{t-1}

    in value and gradient, and h_t is read at the lane's last true step.
    """
    steps, lanes = inputs.shape[:2]
    running = torch.arange(steps, device=inputs.device)[:, None, None] < lengths[:, None]
    marked = torch.cat((torch.where(running, inputs, 0), (~running).to(inputs.dtype)), -1)
    i, f, g, o = torch.zeros_like(cell.bias)[:, None].chunk(4)
    outputs, after = run_kernel(cell, marked, state, extra=torch.cat((i - CLOSED, f + CLOSED, g, o)))

    last = outputs[(lengths - 1).clamp(min=0), torch.arange(lanes, device=inputs.device)]
    hidden = torch.where(lengths[:, None] > 0, last.to(cell.bias.dtype), state.hidden)
    return torch.where(running, outputs, 0), LSTMState(hidden, after.cell)
