"""Norms of the errors that go back through time, recorded during the backward pass of training.

    with recording(engine) as runs:
        loss.backward()
    runs[0].delta, runs[0].hidden

If the norms fall from step to step the gradient vanishes, if they grow it explodes (Hochreiter 1991; Bengio,
Simard & Frasconi 1994; Pascanu, Mikolov & Bengio 2013).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from throughtime.engine.base import Engine
from throughtime.engine.trace.trace import Trace
from throughtime.errors import UserError
from throughtime.tree import length_mask


class ErrorNorms(NamedTuple):
    """Norms of the errors of one run of a cell, for each step over all lanes and features.

    Attributes:
        delta: ‖δ_t‖ = ‖∂ℓ/∂a_t‖, where a_t is what the cell makes of the input of step t alone (`Cell.project`).
        hidden: ‖∂ℓ/∂h_t‖, where h_t is the first part of the state after step t: through all later steps and, where
            the output is read from h_t, through the output. A lane past its length has none.
    """

    delta: Float[Tensor, " T"]
    hidden: Float[Tensor, " T"]


RunNumber = tuple[int, ...]
"""The place of a run in the order of runs; those of a segment begin with the segment's own number."""


class _Recorder:
    """The records of this process; autograd may run a backward pass in another thread."""

    def __init__(self) -> None:
        self.segment: RunNumber = ()
        self.numbers: Iterator[int] = count()
        self.found: dict[RunNumber, ErrorNorms] | None = None


_recorder = _Recorder()


@contextmanager
def recording(engine: Engine) -> Iterator[list[ErrorNorms]]:
    """Yield a list that is filled with one entry for each run whose gradient is taken inside, in the order of the runs.

    With `engine.recompute=true` every segment is a run.

    Raises:
        UserError: the engine leaves the backward pass to torch.
    """
    if not engine.records_errors:
        raise UserError(
            f"engine={type(engine).__name__} records no errors of steps; choose engine=bptt or engine=fused"
        )
    runs: list[ErrorNorms] = []
    with recording_by_number() as found:
        try:
            yield runs
        finally:
            runs += [norms for _, norms in sorted(found.items())]


@contextmanager
def recording_by_number() -> Iterator[dict[RunNumber, ErrorNorms]]:
    """Yield a mapping that is filled with the records of all runs whose gradient is taken inside, by their numbers."""
    outer, _recorder.found = _recorder.found, {}
    try:
        yield _recorder.found
    finally:
        _recorder.found = outer


def is_recording() -> bool:
    """Whether a backward pass is to call `record`."""
    return _recorder.found is not None


def next_run_number() -> RunNumber:
    """The number of the next run."""
    return *_recorder.segment, next(_recorder.numbers)


def record(
    number: RunNumber,
    delta: Float[Tensor, "T B G"],
    hidden: Float[Tensor, "T B *H"],
    outputs: Float[Tensor, "T B *H"] | None,
    lengths: Int[Tensor, " B"] | None,
) -> None:
    """Record the error norms of a run.

    Args:
        number: the run, by `next_run_number`.
        delta: δ_t.
        hidden: the error that comes to the state after step t from later steps.
        outputs: the error that comes to it from the output of step t, where that is not in `hidden` already.
        lengths: where lanes end; later steps only hand their error on.
    """
    if lengths is not None:
        running = length_mask(lengths, len(hidden))
        hidden = torch.where(running.view(*running.shape, *[1] * (hidden.dim() - 2)), hidden, 0)
    if outputs is not None:
        hidden = hidden + outputs
    if _recorder.found is not None:
        _recorder.found[number] = ErrorNorms(delta.flatten(1).norm(dim=1), hidden.flatten(1).norm(dim=1))


def state_value_index(trace: Trace) -> int | None:
    """The index, among the values read out, of the first part of the state; None if it is not among them."""
    *values, state = trace.recurrence.graph.output_node().args[0][: trace.values + 1]
    return values.index(state) if state in values else None


@contextmanager
def number_within(segment: RunNumber) -> Iterator[None]:
    """Number the runs inside the block after a segment: the same numbers whenever it is computed again."""
    outer = _recorder.segment, _recorder.numbers
    _recorder.segment, _recorder.numbers = segment, count()
    try:
        yield
    finally:
        _recorder.segment, _recorder.numbers = outer
