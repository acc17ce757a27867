"""Memory for time: what the backward pass needs of a segment of steps is made again when it comes there.

Of T steps in segments of √T, only the states between the segments are kept, and what one segment keeps: O(√T)
numbers instead of O(T), for one forward pass more (Chen, Xu, Zhang & Guestrin 2016, arXiv 1604.06174; for recurrences
Gruslys et al. 2016, NeurIPS).
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise
from typing import TypeVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from throughtime.cell.base import Cell, State
from throughtime.engine.error_norms import numbered

Result = TypeVar("Result")
_inside: ContextVar[bool] = ContextVar("inside a segment", default=False)


def segments(steps: int, edges: tuple[int, ...] = ()) -> list[tuple[int, int]]:
    """Where segments of about √T of T steps begin and end; each of `edges` is such a place."""
    length = max(1, math.isqrt(steps))
    places = sorted({0, *edges, steps})
    return [
        (start, min(start + length, stop))
        for first, stop in pairwise(places)
        for start in range(first, stop, length)
    ]


def inside_a_segment() -> bool:
    """Whether a segment is being computed, which need not be cut again."""
    return _inside.get()


def made_again(function: Callable[..., Result], *arguments: object) -> Result:
    """`function(*arguments)`, of which nothing is kept for the backward pass but the arguments.

    The second time it draws the same random numbers.
    """
    run = numbered(function)

    def segment() -> Result:
        with _segment():
            return run(*arguments)

    return checkpoint(segment, use_reentrant=False) if torch.is_grad_enabled() else segment()


@contextmanager
def _segment() -> Iterator[None]:
    token = _inside.set(True)
    try:
        yield
    finally:
        _inside.reset(token)


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
    outputs = []
    for start, stop in segments(len(inputs)):
        part = (
            inputs[start:stop],
            state,
            None if lengths is None else (lengths - start).clamp(0, stop - start),
            None if resets is None else resets[start:stop],
        )
        output, state = made_again(run, cell, *part)
        outputs.append(output)
    return torch.cat(outputs), state
