"""`engine=torch`: torch's own recurrent kernels."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from throughtime.cell.base import Cell, State
from throughtime.engine.base import Engine, unsupported
from throughtime.engine.torch_kernels.kernels import (
    missing_kernel,
    run_kernel,
    run_padded_lstm,
    runs_padded,
)
from throughtime.tree import length_mask, map_state, where_state


class TorchKernels(Engine):
    """Run Elman, LSTM and GRU by one call for the whole sequence.

    Lanes of different lengths are packed, or padded where that is faster. A reset inside the sequence cuts it
    into pieces, one call each.
    """

    def unsupported_reason(
        self,
        cell: Cell,
        inputs: Float[Tensor, "T B I"],
        lengths: Int[Tensor, " B"] | None,
        resets: Bool[Tensor, "T B"] | None,
    ) -> str | None:
        if self.delta_clip is not None:
            return "the kernel's own backward pass does not clip as engine.delta_clip says"
        return missing_kernel(cell)

    def _run(
        self,
        cell: Cell,
        inputs: Float[Tensor, "T B I"],
        state: State,
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B O"], State]:
        """Run the kernel.

        Raises:
            UserError: torch has no kernel for this cell.
        """
        reason = self.unsupported_reason(cell, inputs, lengths, resets)
        if reason is not None:
            raise unsupported("torch", cell, reason)
        if resets is None:
            return _run_without_resets(cell, inputs, state, lengths)

        steps, lanes = inputs.shape[:2]
        if lengths is not None:
            resets = resets & length_mask(lengths, steps)
        start = cell.initial_state(lanes)
        cuts = resets[1:].any(1).nonzero().flatten().add(1).tolist()
        outputs = []
        for first, last in zip([0, *cuts], [*cuts, steps], strict=True):
            state = where_state(resets[first], start, state)
            remaining = None if lengths is None else (lengths - first).clamp(0, last - first)
            output, state = _run_without_resets(cell, inputs[first:last], state, remaining)
            outputs.append(output)
        return torch.cat(outputs), state


def _run_without_resets(
    cell: Cell, inputs: Float[Tensor, "T B I"], state: State, lengths: Int[Tensor, " B"] | None
) -> tuple[Float[Tensor, "T B O"], State]:
    """Run without resets, packed only if some lane is shorter: the kernels for whole lanes are faster."""
    if lengths is None:
        return run_kernel(cell, inputs, state)
    descending, order = lengths.cpu().sort(descending=True, stable=True)
    if int(descending[-1]) == len(inputs):
        return run_kernel(cell, inputs, state)

    if runs_padded(cell, inputs):
        return run_padded_lstm(cell, inputs, state, lengths)
    return _run_packed(cell, inputs, state, descending, order)


def _run_packed(
    cell: Cell,
    inputs: Float[Tensor, "T B I"],
    state: State,
    descending: Int[Tensor, " B"],
    order: Int[Tensor, " B"],
) -> tuple[Float[Tensor, "T B O"], State]:
    """Run lanes in descending order of their lengths, without those of length 0, which a pack cannot hold.

    Args:
        cell: one with a kernel.
        inputs: the sequence.
        state: the state before the first step.
        descending: the lengths, sorted.
        order: the lanes in that order.
    """
    steps, lanes = inputs.shape[:2]
    running = int((descending > 0).sum())
    if running == 0:
        return inputs.new_zeros(steps, lanes, cell.output_size), state
    order = order[:running].to(inputs.device)
    packed = pack_padded_sequence(inputs[:, order], descending[:running])
    before = map_state(lambda part: part[order], state)
    data, after = run_kernel(cell, packed.data, before, packed.batch_sizes)
    padded, _ = pad_packed_sequence(PackedSequence(data, packed.batch_sizes), total_length=steps)
    outputs = padded.new_zeros(steps, lanes, cell.output_size).index_copy(1, order, padded)
    return outputs, map_state(lambda old, new: old.index_copy(0, order, new), state, after)
