"""How large the errors are that go back through time, read off the backward pass that is made anyway.

    with recording(engine) as runs:
        loss.backward()
    runs[0].delta, runs[0].hidden

Where the norms fall from step to step the gradient vanishes, where they grow it explodes (Hochreiter 1991; Bengio,
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


class ErrorNorms(NamedTuple):
    """The errors of one run of a cell, each step's over all lanes and features.

    Attributes:
        delta: ‖δ_t‖ = ‖∂ℓ/∂a_t‖, where a_t is what the cell makes of the input of step t alone (`Cell.project`).
        hidden: ‖∂ℓ/∂h_t‖, where h_t is the first part of the state after step t: through all later steps and, where
            the output is read from h_t, through the output. A lane past its length has none.
    """

    delta: Float[Tensor, " T"]
    hidden: Float[Tensor, " T"]


Number = tuple[int, ...]
"""By which runs are put in order; those of a segment have its own number first."""


class _Recorder:
    """What is known of the runs of this process; autograd may run a backward pass in another thread."""

    def __init__(self) -> None:
        self.segment: Number = ()
        self.numbers: Iterator[int] = count()
        self.found: dict[Number, ErrorNorms] | None = None


_recorder = _Recorder()


@contextmanager
def recording(engine: Engine) -> Iterator[list[ErrorNorms]]:
    """Fills the list with one entry for each run whose gradient is taken inside, in the order of the runs.

    With `engine.recompute=true` every segment is a run.

    Raises:
        UserError: the engine leaves the backward pass to torch.
    """
    if not getattr(engine, "records_errors", False):
        raise UserError(
            f"engine={type(engine).__name__} cannot tell the errors of each step; choose engine=bptt or engine=fused"
        )
    runs: list[ErrorNorms] = []
    outer, _recorder.found = _recorder.found, {}
    try:
        yield runs
    finally:
        runs += [norms for _, norms in sorted(_recorder.found.items())]
        _recorder.found = outer


def is_recording() -> bool:
    """Whether a backward pass should call `record`."""
    return _recorder.found is not None


def next_number() -> Number:
    """The number of a run that begins."""
    return *_recorder.segment, next(_recorder.numbers)


def record(
    number: Number,
    delta: Float[Tensor, "T B G"],
    hidden: Float[Tensor, "T B *H"],
    outputs: Float[Tensor, "T B *H"] | None,
    lengths: Int[Tensor, " B"] | None,
) -> None:
    """Take note of the errors of a run.

    Args:
        delta: δ_t.
        hidden: the error that comes to the state after step t from later steps.
        outputs: the error that comes to it from the output of step t, where that is not in `hidden` already.
        lengths: where lanes end; later steps only hand their error on.
    """
    if lengths is not None:
        running = torch.arange(len(hidden), device=hidden.device)[:, None] < lengths
        hidden = torch.where(running.view(*running.shape, *[1] * (hidden.dim() - 2)), hidden, 0)
    if outputs is not None:
        hidden = hidden + outputs
    if _recorder.found is not None:
        _recorder.found[number] = ErrorNorms(delta.flatten(1).norm(dim=1), hidden.flatten(1).norm(dim=1))


def value_that_is_the_state(trace: Trace) -> int | None:
    """Which of the values that a step reads out is the first part of its state, if any."""
    *values, state = trace.recurrence.graph.output_node().args[0][: trace.values + 1]
    return values.index(state) if state in values else None


@contextmanager
def within(segment: Number) -> Iterator[None]:
    """Runs inside have numbers that follow that of a segment, the same ones every time."""
    outer = _recorder.segment, _recorder.numbers
    _recorder.segment, _recorder.numbers = segment, count()
    try:
        yield
    finally:
        _recorder.segment, _recorder.numbers = outer
