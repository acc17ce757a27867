"""One run of a cell in segments (`engine.recompute=true`)."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from throughtime.cell.base import Cell, State
from throughtime.engine.recompute import in_segments, inside_a_segment, segments


def run_in_segments(
    run: Callable[..., tuple[Tensor, State]],
    cell: Cell,
    inputs: Float[Tensor, "T B I"],
    state: State,
    lengths: Int[Tensor, " B"] | None,
    resets: Bool[Tensor, "T B"] | None,
) -> tuple[Float[Tensor, "T B O"], State]:
    """As `Engine.run`, by a `run` of each segment after the other."""
    if not torch.is_grad_enabled() or inside_a_segment():
        return run(cell, inputs, state, lengths, resets)

    def segment(start: int, stop: int, state: State, rows: Sequence[Tensor]) -> tuple[Tensor, State]:
        remaining = None if lengths is None else (lengths - start).clamp(0, stop - start)
        return run(cell, rows[0], state, remaining, None if resets is None else resets[start:stop])

    return in_segments(segment, segments(len(inputs)), state, [inputs], list(cell.parameters()))
