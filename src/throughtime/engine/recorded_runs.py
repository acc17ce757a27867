"""Record of the runs of cells: arguments and results of every `Engine.run`, with their graph."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.autograd.function import FunctionCtx

from throughtime.cell.base import Cell, State
from throughtime.tree import leaves, unflatten


class RecordedRun(NamedTuple):
    """One run of a cell over a sequence: the arguments of `Engine.run`, and what it returned."""

    cell: Cell
    inputs: Float[Tensor, "T B I"]
    state: State
    lengths: Int[Tensor, " B"] | None
    resets: Bool[Tensor, "T B"] | None
    outputs: Float[Tensor, "T B O"]
    after: State


_runs: ContextVar[list[RecordedRun] | None] = ContextVar("runs inside the block", default=None)


@contextmanager
def recorded_runs() -> Iterator[list[RecordedRun]]:
    """Yield a list that is filled with the runs of all cells inside the block, in their order."""
    runs: list[RecordedRun] = []
    token = _runs.set(runs)
    try:
        yield runs
    finally:
        _runs.reset(token)


def record_run(run: RecordedRun) -> tuple[Float[Tensor, "T B O"], State]:
    """Append a run to the record, if there is one; return its outputs and its state after.

    Those of a recorded run are not computed from each other: the gradient with respect to one of them leaves out what
    goes through the others, which in the plain loop are made of each other.
    """
    runs = _runs.get()
    if runs is None:
        return run.outputs, run.after
    outputs, *after = _Separate.apply(run.outputs, *leaves(run.after))
    run = run._replace(outputs=outputs, after=unflatten(after, run.after))
    runs.append(run)
    return run.outputs, run.after


class _Separate(torch.autograd.Function):
    """The identity of several tensors as one node of the graph."""

    @staticmethod
    def forward(ctx: FunctionCtx, *tensors: Tensor) -> tuple[Tensor, ...]:
        return tuple(tensor.view_as(tensor) for tensor in tensors)

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[Tensor, ...]:
        return gradients
