"""The loop over time as PyTorch's scan operator: one graph for sequences of any length, exported as one ONNX Scan."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch._higher_order_ops.scan import scan

from throughtime.cell.base import Cell, State
from throughtime.engine.base import Engine
from throughtime.tree import length_mask, where_state


class SymbolicScan(Engine):
    """Run any cell by one operator, for `torch.export`: a loop of Python's would be traced for one T only.

    Run without an export, it compiles the step first.
    """

    def _run(
        self,
        cell: Cell,
        inputs: Float[Tensor, "T B I"],
        state: State,
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B O"], State]:
        sequences = {"projected": cell.project(inputs)}
        if lengths is not None:
            sequences["running"] = length_mask(lengths, inputs.shape[0])
        if resets is not None:
            sequences["reset"] = resets
        kind, start = type(state), cell.initial_state(inputs.shape[1])

        def step(carried: list[Tensor], at: dict[str, Tensor]) -> tuple[list[Tensor], Tensor]:
            before = kind(*carried)
            if "reset" in at:
                before = where_state(at["reset"], start, before)
            output, after = cell.step(at["projected"], before)
            if "running" in at:
                after = where_state(at["running"], after, kind(*carried))
                output = torch.where(at["running"][:, None], output, 0)
            return [part.clone() for part in after], output.clone()  # the operator takes no views

        after, outputs = scan(step, list(state), sequences)
        return outputs, kind(*after)
