"""Memory for time: what the backward pass needs of a segment of steps is made again when it comes there.

Of T steps in segments of √T, only the states between the segments are kept, and what one segment keeps: O(√T)
numbers instead of O(T), for one forward pass more (Chen, Xu, Zhang & Guestrin 2016, arXiv 1604.06174; for recurrences
Gruslys et al. 2016, NeurIPS).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from throughtime.engine.gradient_records import Number, next_number, within
from throughtime.engine.random_state import RandomStates
from throughtime.engine.second_derivative import Results, differentiable_as, pull_back, vector_jacobian
from throughtime.tree import Tree, map_state

Segment = Callable[[int, int, Tree, Sequence[Tensor]], tuple[Tensor, Tree]]
"""(start, stop, state before, those rows of what was given) -> (a number or one row a step, state after)"""

_inside: ContextVar[bool] = ContextVar("inside a segment", default=False)


def segments(steps: int, edges: tuple[int, ...] = ()) -> list[tuple[int, int]]:
    """Where segments of about √T of T steps begin and end; each of `edges` is such a place."""
    length = max(1, math.isqrt(steps))
    return [
        (start, min(start + length, stop))
        for first, stop in pairwise(sorted({0, *edges, steps}))
        for start in range(first, stop, length)
    ]


def inside_a_segment() -> bool:
    """Whether a segment is being computed, which need not be cut again."""
    return _inside.get()


def in_segments(
    segment: Segment,
    places: Sequence[tuple[int, int]],
    state: Tree,
    rows: Sequence[Tensor],
    learned: Sequence[Tensor],
    passing: Callable[[int, Tree], None] = lambda step, state: None,
) -> tuple[Tensor, Tree]:
    """Go through all segments: the sum of their numbers, or their rows one after another; and the state in the end.

    A segment that is made again draws the same random numbers.

    Args:
        segment: computes one.
        places: where each begins and ends, in order.
        state: before the first.
        rows: tensors of all steps, whose gradient may be wanted.
        learned: all else whose gradient may be wanted.
        passing: is told the state after each segment.
    """
    start = _leaves(state)
    plan = _Plan(segment, places, state, len(start), len(rows), passing, next_number())
    value, *after = _Segments.apply(plan, *start, *rows, *learned)
    return value, _tree(state, after)


@dataclass(frozen=True, eq=False)
class _Plan:
    """What is done; `parts` and `rows` count the state's tensors and the rows."""

    segment: Segment
    places: Sequence[tuple[int, int]]
    like: Tree
    parts: int
    rows: int
    passing: Callable[[int, Tree], None]
    number: Number

    def run(self, index: int, state: Sequence[Tensor], rows: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """One segment."""
        start, stop = self.places[index]
        token = _inside.set(True)
        try:
            with within((*self.number, index)):
                value, after = self.segment(start, stop, _tree(self.like, state), rows)
        finally:
            _inside.reset(token)
        return value, _leaves(after)

    def again(
        self, randoms: RandomStates, autocast: dict[str, Any], learned: int, *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        """(learned, state before, rows) -> (the sum or the rows, state after), as one graph of all segments."""
        state, rows = list(tensors[learned : learned + self.parts]), tensors[learned + self.parts :]
        values = []
        for index, (start, stop) in enumerate(self.places):
            with torch.autocast(**autocast), randoms.again(index):
                value, state = self.run(index, state, [row[start:stop] for row in rows])
            values.append(value)
        return torch.cat(values) if values[0].dim() else torch.stack(values).sum(), *state


class _Segments(torch.autograd.Function):
    """(state before, rows, learned) -> (the sum or the rows, state after)."""

    @staticmethod
    def forward(ctx: FunctionCtx, plan: _Plan, *tensors: Tensor) -> tuple[Tensor, ...]:
        state, rows = list(tensors[: plan.parts]), tensors[plan.parts : plan.parts + plan.rows]
        # In one piece each: small pieces would lie between large ones that come and go.
        borders = [part.new_empty(len(plan.places), *part.shape) for part in state]
        randoms, whole = RandomStates(tensors[0].device), None
        for index, (start, stop) in enumerate(plan.places):
            for border, part in zip(borders, state, strict=True):
                border[index] = part
            randoms.note()
            value, state = plan.run(index, state, [row[start:stop] for row in rows])
            plan.passing(stop, _tree(plan.like, state))
            if whole is None:
                whole = value.new_zeros((plan.places[-1][1], *value.shape[1:]) if value.dim() else ())
            if value.dim():
                whole[start:stop] = value
            else:
                whole += value
        ctx.plan, ctx.randoms, ctx.autocast = plan, randoms, _autocast(tensors[0].device.type)
        ctx.save_for_backward(*borders, *tensors)
        return whole, *(part.clone() for part in state)

    @staticmethod
    def backward(ctx: FunctionCtx, *errors: Tensor) -> Results:
        plan, saved = ctx.plan, ctx.saved_tensors
        borders, tensors = saved[: plan.parts], saved[plan.parts :]
        given, learned = tensors[: plan.parts + plan.rows], tensors[plan.parts + plan.rows :]
        with torch.no_grad():
            results = _Segments._backward(ctx, borders, given[plan.parts :], learned, errors)
        operators = vector_jacobian(
            partial(plan.again, ctx.randoms, ctx.autocast, len(learned)), len(tensors)
        )
        # The segments read what is learned by themselves.
        results = differentiable_as(results, operators, (*learned, *given, *errors), constant=len(learned))
        return None, *results[len(learned) :], *results[: len(learned)]

    @staticmethod
    def _backward(
        ctx: FunctionCtx,
        borders: Sequence[Tensor],
        rows: Sequence[Tensor],
        all_learned: Sequence[Tensor],
        errors: Sequence[Tensor],
    ) -> Results:
        """The gradients of what is learned, of the state before, and of the rows."""
        plan, (gradient, *coming) = ctx.plan, errors
        learned = [tensor for tensor in all_learned if tensor.requires_grad]
        totals = [torch.zeros_like(tensor) for tensor in learned]
        row_gradients = [torch.zeros_like(row) if row.requires_grad else None for row in rows]
        going = list(coming)
        for index in reversed(range(len(plan.places))):
            start, stop = plan.places[index]
            state = [border[index].detach().requires_grad_() for border in borders]
            cut = [row[start:stop].detach().requires_grad_(row.requires_grad) for row in rows]
            with torch.enable_grad(), torch.autocast(**ctx.autocast), ctx.randoms.again(index):
                value, after = plan.run(index, state, cut)
            sources = [*state, *(row for row in cut if row.requires_grad), *learned]
            errors = [gradient[start:stop] if value.dim() else gradient, *going]
            found = list(pull_back([value, *after], sources, errors))
            going = [torch.zeros_like(s) if g is None else g for s, g in zip(state, found, strict=False)]
            found = found[plan.parts :]
            for whole in filter(lambda g: g is not None, row_gradients):
                part = found.pop(0)
                if part is not None:
                    whole[start:stop] = part
            for total, part in zip(totals, found, strict=True):
                if part is not None:
                    total += part
        given = iter(totals)
        ends = [next(given) if tensor.requires_grad else None for tensor in all_learned]
        return *ends, *going, *row_gradients


def _autocast(device: str) -> dict[str, Any]:
    """The precision that operators choose by themselves now."""
    return {
        "device_type": device,
        "dtype": torch.get_autocast_dtype(device),
        "enabled": torch.is_autocast_enabled(device),
        "cache_enabled": False,
    }


def _leaves(state: Tree) -> list[Tensor]:
    found: list[Tensor] = []
    map_state(lambda part: found.append(part) or part, state)
    return found


def _tree(like: Tree, leaves: Sequence[Tensor]) -> Tree:
    remaining: Iterator[Tensor] = iter(leaves)
    return map_state(lambda part: next(remaining), like)
