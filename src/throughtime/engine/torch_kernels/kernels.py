"""Calls of torch's recurrent kernels on the parameters of our cells.

On a GPU these are cuDNN's; on a CPU an LSTM without projection goes to oneDNN, and the rest to ATen's loop.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from throughtime.cell.base import Cell, State
from throughtime.cell.elman import Elman
from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM, LSTMState
from throughtime.tree import length_mask

ELMAN_KERNELS = {torch.tanh: torch.rnn_tanh, torch.relu: torch.rnn_relu}
# σ(±SATURATED) is 1 and 0 to the last bit, and the number is within every precision's range.
SATURATED = 1e4


def missing_kernel(cell: Cell) -> str | None:
    """The reason why torch has no kernel for this cell, as half a sentence; None if it has one."""
    # A subclass may have another step, so only these very classes count.
    kind = type(cell)
    if kind not in (Elman, LSTM, GRU):
        return "torch has kernels for elman, lstm and gru only"
    if kind is Elman and cell.activation not in ELMAN_KERNELS:
        return "torch's kernel knows the activations tanh and relu only"
    if kind is LSTM and cell.weight_peephole is not None:
        return "torch's kernel has no peepholes"
    if kind is LSTM and cell.weight_projection is not None and cell.output_size >= cell.hidden_size:
        return "torch's kernel has projections to fewer than hidden_size features only"
    if kind is GRU and cell.bias_recurrent is None:
        return "torch's kernel resets after the product, not before it"
    return None


def run_kernel(
    cell: Cell,
    inputs: Float[Tensor, "T B I"] | Float[Tensor, "N I"],
    state: State,
    batch_sizes: Int[Tensor, " T"] | None = None,
    extra_weight: Float[Tensor, "G E"] | None = None,
) -> tuple[Float[Tensor, "T B O"] | Float[Tensor, "N O"], State]:
    """Run the cell over a whole sequence in one call.

    Args:
        cell: one with a kernel (`missing_kernel`).
        inputs: the sequence; or, with `batch_sizes`, the N steps of a packed one.
        state: the state before the first step.
        batch_sizes: how many lanes are still running at each step, for a packed sequence.
        extra_weight: weights of input features that follow the cell's own.

    Returns:
        the outputs of all steps, and the state after the last.
    """
    function, *weights = _function_and_weights(cell)
    if extra_weight is not None:
        weights[0] = torch.cat((weights[0], extra_weight), 1)
    parts = [part[None] for part in state]
    dtype = cell.bias.dtype
    # Autocast leaves double precision as it is.
    if torch.is_autocast_enabled(inputs.device.type) and dtype != torch.float64:
        dtype = torch.get_autocast_dtype(inputs.device.type)
    inputs, weights, parts = inputs.to(dtype), [w.to(dtype) for w in weights], [p.to(dtype) for p in parts]
    before = parts if isinstance(cell, LSTM) else parts[0]
    # A kernel keeps what its gradient needs only when told to train, whatever mode the module is in.
    options = {"has_biases": True, "num_layers": 1, "dropout": 0.0, "train": torch.is_grad_enabled()}
    if batch_sizes is None:
        sequence = {"input": inputs, "hx": before, "params": weights, "batch_first": False}
    else:
        sequence = {"data": inputs, "batch_sizes": batch_sizes, "hx": before, "params": weights}
    outputs, *after = function(**sequence, **options, bidirectional=False)
    if isinstance(cell, Elman):
        outputs = cell.readout(outputs)
    return outputs, type(state)(*(part[0].to(cell.bias.dtype) for part in after))


def _function_and_weights(cell: Cell) -> tuple[Callable | Tensor, ...]:
    """The function of torch, and its weights: W, U, b, the second bias that it asks for, and R if there is one."""
    weights = (cell.weight_input, cell.weight_recurrent, cell.bias)
    second = torch.zeros_like(cell.bias)
    if isinstance(cell, Elman):
        return ELMAN_KERNELS[cell.activation], *weights, second
    if isinstance(cell, GRU):
        return torch.gru, *weights, torch.cat((second[cell.hidden_size :], cell.bias_recurrent))
    projection = () if cell.weight_projection is None else (cell.weight_projection,)
    return torch.lstm, *weights, second, *projection


def runs_padded(cell: Cell, inputs: Float[Tensor, "T B I"]) -> bool:
    """Whether lanes of different lengths are faster padded than packed: packing would forgo oneDNN's LSTM."""
    return inputs.device.type == "cpu" and isinstance(cell, LSTM) and cell.weight_projection is None


def run_padded_lstm(
    cell: LSTM, inputs: Float[Tensor, "T B I"], state: LSTMState, lengths: Int[Tensor, " B"]
) -> tuple[Float[Tensor, "T B H"], LSTMState]:
    """Run all lanes of an LSTM to the last step, with gates that keep the memory after a lane's length.

    One more input feature says that a step is padding; its weights force f = 1 and i = 0, so that

        c_t = 1 ∘ c_{t-1} + 0 ∘ g_t = c_{t-1}

    in value and gradient, and h_t is read at the lane's last true step.
    """
    steps, lanes = inputs.shape[:2]
    running = length_mask(lengths, steps)[..., None]
    marked = torch.cat((torch.where(running, inputs, 0), (~running).to(inputs.dtype)), -1)
    i, f, g, o = torch.zeros_like(cell.bias)[:, None].chunk(4)
    gates = torch.cat((i - SATURATED, f + SATURATED, g, o))
    outputs, after = run_kernel(cell, marked, state, extra_weight=gates)

    last = outputs[(lengths - 1).clamp(min=0), torch.arange(lanes, device=inputs.device)]
    hidden = torch.where(lengths[:, None] > 0, last.to(cell.bias.dtype), state.hidden)
    return torch.where(running, outputs, 0), LSTMState(hidden, after.cell)
