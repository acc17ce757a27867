"""Recompute segments of steps in the backward pass instead of keeping their activations (`engine.recompute=true`).

Of T steps in segments of √T, only the states between the segments are kept, and what one segment keeps: O(√T)
numbers instead of O(T), for one forward pass more (Chen, Xu, Zhang & Guestrin 2016, arXiv 1604.06174; for recurrences
Gruslys et al. 2016, NeurIPS).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.autograd.function import FunctionCtx

from throughtime.cell.base import Cell, State
from throughtime.engine.base import Engine
from throughtime.engine.gradient_records import RunNumber, next_run_number, number_within
from throughtime.engine.second_derivative import (
    Gradients,
    vector_jacobian_product,
    vjp_function,
    with_second_derivative,
)
from throughtime.tree import Tree, leaves, unflatten

Segment = Callable[[int, int, Tree, Sequence[Tensor]], tuple[Tensor, Tree]]
"""(start, stop, state before, the segment's rows of the inputs) -> (a number or one row a step, state after)"""

_inside: ContextVar[bool] = ContextVar("inside a segment", default=False)


class RecomputingEngine(Engine):
    """An engine that can recompute segments of steps in the backward pass.

    Args:
        recompute: whether only every √T-th state is saved for the gradient, and the steps between are run again.
        delta_clip, delta_clip_algorithm: as those of `Engine`.
    """

    def __init__(
        self,
        recompute: bool = False,
        delta_clip: float | None = None,
        delta_clip_algorithm: str = "norm",
    ) -> None:
        super().__init__(delta_clip, delta_clip_algorithm)
        self.recompute = recompute

    def _run_or_recompute(
        self, run: Callable[..., tuple[Tensor, State]], cell: Cell, *arguments: Any
    ) -> tuple[Float[Tensor, "T B O"], State]:
        """`run(cell, inputs, state, lengths, resets)` for the whole sequence, or for each segment of it."""
        return run_in_segments(run, cell, *arguments) if self.recompute else run(cell, *arguments)


def run_in_segments(
    run: Callable[..., tuple[Tensor, State]],
    cell: Cell,
    inputs: Float[Tensor, "T B I"],
    state: State,
    lengths: Int[Tensor, " B"] | None,
    resets: Bool[Tensor, "T B"] | None,
) -> tuple[Float[Tensor, "T B O"], State]:
    """Run a cell as `Engine.run` does, by one call of `run` for each segment of about √T steps."""
    if not torch.is_grad_enabled() or inside_segment():
        return run(cell, inputs, state, lengths, resets)

    def segment(start: int, stop: int, state: State, rows: Sequence[Tensor]) -> tuple[Tensor, State]:
        remaining = None if lengths is None else (lengths - start).clamp(0, stop - start)
        return run(cell, rows[0], state, remaining, None if resets is None else resets[start:stop])

    return in_segments(segment, segments(len(inputs)), state, [inputs], list(cell.parameters()))


def segments(steps: int, edges: tuple[int, ...] = ()) -> list[tuple[int, int]]:
    """Cut T steps into segments of about √T: the start and the stop of each.

    Args:
        steps: T.
        edges: steps at which a segment must begin.
    """
    length = max(1, math.isqrt(steps))
    return [
        (start, min(start + length, stop))
        for first, stop in pairwise(sorted({0, *edges, steps}))
        for start in range(first, stop, length)
    ]


def inside_segment() -> bool:
    """Whether a segment is being computed, which need not be cut again."""
    return _inside.get()


def in_segments(
    segment: Segment,
    bounds: Sequence[tuple[int, int]],
    state: Tree,
    rows: Sequence[Tensor],
    parameters: Sequence[Tensor],
    on_segment_end: Callable[[int, Tree], None] = lambda step, state: None,
) -> tuple[Tensor, Tree]:
    """Compute all segments: the sum of their numbers, or their rows one after another; and the last state.

    A segment that is recomputed draws the same random numbers.

    Args:
        segment: computes one segment.
        bounds: the start and the stop of each, in order.
        state: the state before the first.
        rows: tensors of all steps, whose gradient may be wanted.
        parameters: all other tensors whose gradient may be wanted.
        on_segment_end: called in the forward pass with the stop of each segment and the state after it.
    """
    before = leaves(state)
    run = _SegmentedRun(segment, bounds, state, len(before), len(rows), on_segment_end, next_run_number())
    value, *after = _Segments.apply(run, *before, *rows, *parameters)
    return value, unflatten(after, state)


@dataclass(frozen=True, eq=False)
class _SegmentedRun:
    """The arguments of `in_segments`, apart from tensors.

    Attributes:
        segment, bounds, on_segment_end: as there.
        like: a state, for its structure.
        parts: the number of the state's tensors.
        rows: the number of tensors of all steps.
        number: of the run, among those whose errors are recorded.
    """

    segment: Segment
    bounds: Sequence[tuple[int, int]]
    like: Tree
    parts: int
    rows: int
    on_segment_end: Callable[[int, Tree], None]
    number: RunNumber

    def run(self, index: int, state: Sequence[Tensor], rows: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Compute one segment."""
        start, stop = self.bounds[index]
        token = _inside.set(True)
        try:
            with number_within((*self.number, index)):
                value, after = self.segment(start, stop, unflatten(state, self.like), rows)
        finally:
            _inside.reset(token)
        return value, leaves(after)

    def differentiable_run(
        self, randoms: "RandomStates", autocast: dict[str, Any], parameters: int, *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        """(parameters, state before, rows) -> (the sum or the rows, state after), as one graph of all segments."""
        state, rows = list(tensors[parameters : parameters + self.parts]), tensors[parameters + self.parts :]
        values = []
        for index, (start, stop) in enumerate(self.bounds):
            with torch.autocast(**autocast), randoms.replay(index):
                value, state = self.run(index, state, [row[start:stop] for row in rows])
            values.append(value)
        return torch.cat(values) if values[0].dim() else torch.stack(values).sum(), *state


class _Segments(torch.autograd.Function):
    """(state before, rows, parameters) -> (the sum or the rows, state after)."""

    @staticmethod
    def forward(ctx: FunctionCtx, run: _SegmentedRun, *tensors: Tensor) -> tuple[Tensor, ...]:
        state, rows = list(tensors[: run.parts]), tensors[run.parts : run.parts + run.rows]
        # One allocation each: many small ones between large ones that are freed would fragment the memory.
        borders = [part.new_empty(len(run.bounds), *part.shape) for part in state]
        randoms, whole = RandomStates(tensors[0].device), None
        for index, (start, stop) in enumerate(run.bounds):
            for border, part in zip(borders, state, strict=True):
                border[index] = part
            randoms.save()
            value, state = run.run(index, state, [row[start:stop] for row in rows])
            run.on_segment_end(stop, unflatten(state, run.like))
            if whole is None:
                whole = value.new_zeros((run.bounds[-1][1], *value.shape[1:]) if value.dim() else ())
            if value.dim():
                whole[start:stop] = value
            else:
                whole += value
        ctx.run, ctx.randoms, ctx.autocast = run, randoms, _autocast(tensors[0].device.type)
        ctx.save_for_backward(*borders, *tensors)
        return whole, *(part.clone() for part in state)

    @staticmethod
    def backward(ctx: FunctionCtx, *grad_out: Tensor) -> Gradients:
        run, saved = ctx.run, ctx.saved_tensors
        borders, tensors = saved[: run.parts], saved[run.parts :]
        given, parameters = tensors[: run.parts + run.rows], tensors[run.parts + run.rows :]
        with torch.no_grad():
            gradients = _Segments._backward(ctx, borders, given[run.parts :], parameters, grad_out)
        function = vjp_function(
            partial(run.differentiable_run, ctx.randoms, ctx.autocast, len(parameters)), len(tensors)
        )
        # The segments read the parameters by themselves.
        sources = (*parameters, *given, *grad_out)
        gradients = with_second_derivative(gradients, function, sources, constant=len(parameters))
        return None, *gradients[len(parameters) :], *gradients[: len(parameters)]

    @staticmethod
    def _backward(
        ctx: FunctionCtx,
        borders: Sequence[Tensor],
        rows: Sequence[Tensor],
        parameters: Sequence[Tensor],
        grad_out: Sequence[Tensor],
    ) -> Gradients:
        """The gradients of the parameters, of the state before, and of the rows."""
        run, (grad_value, *grad_state) = ctx.run, grad_out
        learned = [tensor for tensor in parameters if tensor.requires_grad]
        totals = [torch.zeros_like(tensor) for tensor in learned]
        row_gradients = [torch.zeros_like(row) if row.requires_grad else None for row in rows]
        for index in reversed(range(len(run.bounds))):
            start, stop = run.bounds[index]
            state = [border[index].detach().requires_grad_() for border in borders]
            cut = [row[start:stop].detach().requires_grad_(row.requires_grad) for row in rows]
            with torch.enable_grad(), torch.autocast(**ctx.autocast), ctx.randoms.replay(index):
                value, after = run.run(index, state, cut)
            sources = [*state, *(row for row in cut if row.requires_grad), *learned]
            grad_after = [grad_value[start:stop] if value.dim() else grad_value, *grad_state]
            found = list(vector_jacobian_product([value, *after], sources, grad_after))
            grad_state = [torch.zeros_like(s) if g is None else g for s, g in zip(state, found, strict=False)]
            found = found[run.parts :]
            for whole in filter(lambda g: g is not None, row_gradients):
                part = found.pop(0)
                if part is not None:
                    whole[start:stop] = part
            for total, part in zip(totals, found, strict=True):
                if part is not None:
                    total += part
        remaining = iter(totals)
        parameter_gradients = [next(remaining) if tensor.requires_grad else None for tensor in parameters]
        return *parameter_gradients, *grad_state, *row_gradients


class RandomStates:
    """The states of torch's random generators at several moments, so that the same numbers can be drawn again.

    Args:
        device: has a generator of its own, if it is no CPU.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._states: list[tuple[Tensor, ...]] = []

    def save(self) -> None:
        """Append the present state of the generators."""
        now = self._now()
        # A model without dropout draws nothing, so that one state serves all moments.
        same = bool(self._states) and all(map(torch.equal, now, self._states[-1]))
        self._states.append(self._states[-1] if same else now)

    @contextmanager
    def replay(self, moment: int) -> Iterator[None]:
        """Draw the numbers that were drawn from that moment on, and restore the generators after the block."""
        now = self._now()
        self._set(self._states[moment])
        try:
            yield
        finally:
            self._set(now)

    def _now(self) -> tuple[Tensor, ...]:
        own = (torch.cuda.get_rng_state(self._device),) if self._device.type == "cuda" else ()
        return torch.get_rng_state(), *own

    def _set(self, states: tuple[Tensor, ...]) -> None:
        torch.set_rng_state(states[0])
        if self._device.type == "cuda":
            torch.cuda.set_rng_state(states[1], self._device)


def _autocast(device: str) -> dict[str, Any]:
    """The present arguments of `torch.autocast`."""
    return {
        "device_type": device,
        "dtype": torch.get_autocast_dtype(device),
        "enabled": torch.is_autocast_enabled(device),
        "cache_enabled": False,
    }
