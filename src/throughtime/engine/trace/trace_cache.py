"""Trace cache: each cell's step is traced once for all cells alike, and checked against the step itself."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from throughtime.cell.base import Cell, State
from throughtime.engine.trace.signature import cell_tensors, signature
from throughtime.engine.trace.trace import Trace, UntraceableError, trace
from throughtime.engine.trace.without_hooks import without_hooks

CAPACITY = 256
_traces: dict[tuple, Trace | UntraceableError] = {}
_traces_for_inputs: dict[tuple, Trace | UntraceableError] = {}
"""Those of `_traces` by the inputs of a run, so that it is not projected anew to find them."""


def cached_trace(cell: Cell, projected: Float[Tensor, "T B G"], state: State) -> Trace:
    """The trace of a cell's step in the cell's present mode, from the cache or made now.

    Raises:
        UntraceableError: the step cannot be traced, or the trace computes something else.
    """

    def make() -> Trace:
        with without_hooks():  # a run without gradients has the same graph as one with them
            return _checked(cell, projected, state)

    return _cached(_traces, signature(cell, projected, state), make)


def cached_trace_for_inputs(cell: Cell, inputs: Float[Tensor, "T B I"]) -> Trace:
    """The trace of a cell's step for a run on these inputs from the cell's initial state.

    Raises:
        UntraceableError: as `cached_trace`.
    """
    key = (signature(cell, inputs, ()), torch.get_default_dtype())
    return _cached(_traces_for_inputs, key, lambda: _trace_for_inputs(cell, inputs))


def _cached(traces: dict[tuple, Trace | UntraceableError], key: tuple, make: Callable[[], Trace]) -> Trace:
    """The trace of a key, made where it is missing; that there is none is remembered too."""
    if key not in traces:
        if len(traces) == CAPACITY:
            del traces[next(iter(traces))]
        try:
            traces[key] = make()
        except UntraceableError as error:
            traces[key] = error.with_traceback(None)
    found = traces[key]
    if isinstance(found, UntraceableError):
        raise found
    return found


def _trace_for_inputs(cell: Cell, inputs: Float[Tensor, "T B I"]) -> Trace:
    # Without random numbers being drawn: a cell may draw its masks in `project`.
    devices = [inputs.device] if inputs.is_cuda else []
    with torch.random.fork_rng(devices), torch.no_grad():
        projected = cell.project(inputs[:1, :1])
    return cached_trace(cell, projected, cell.initial_state(1))


def _checked(cell: Cell, projected: Float[Tensor, "T B G"], state: State) -> Trace:
    """Trace a step and check that the trace gives its values and gradients.

    A step may do things that no tracer sees, such as a gradient of its own making or a choice by the number of lanes.
    """
    found = trace(cell, projected, state)
    device = projected.device.type
    precision = {"dtype": torch.get_autocast_dtype(device), "enabled": torch.is_autocast_enabled(device)}
    for lanes in (1, 3):
        sample = [_sample(part, lanes).requires_grad_() for part in (projected[0], *state)]
        learned = [t for t in cell_tensors(cell).values() if t.requires_grad]
        with torch.autocast(device, cache_enabled=False, **precision):
            output, after = cell.step(sample[0], type(state)(*sample[1:]))
        expected = [output, *after]
        try:
            with torch.autocast(device, enabled=False):
                actual = _one_step(found, cell, sample)
        except RuntimeError as error:
            raise UntraceableError(f"its step depends on the number of lanes ({error})") from error
        sources = [*sample, *learned]
        if not (
            _same(actual, expected) and _same(_gradients(actual, sources), _gradients(expected, sources))
        ):
            raise UntraceableError("its step has values or gradients that its operators do not have")
    return found


def _one_step(found: Trace, cell: Cell, sample: list[Tensor]) -> list[Tensor]:
    own = cell_tensors(cell).values()
    results = found.recurrence(*found.weights(*own), *sample)
    values, after = results[: found.values], results[found.values :]
    output = values[0] if found.readout is None else found.readout(*own, *values)[0]
    return [output, *after]


def _sample(part: Tensor, lanes: int) -> Tensor:
    """Fixed numbers that no two lanes or features share."""
    shape = torch.Size((lanes, *part.shape[1:]))
    return (0.7 * torch.sin(2.4 * torch.arange(shape.numel()) + 0.3)).view(shape).to(part)


def _gradients(results: list[Tensor], sources: list[Tensor]) -> list[Tensor]:
    total = sum((result.double() * _sample(result, len(result)).double()).sum() for result in results)
    if not total.requires_grad:
        return []
    return list(torch.autograd.grad(total, sources, allow_unused=True, materialize_grads=True))


def _same(actual: list[Tensor], expected: list[Tensor]) -> bool:
    return len(actual) == len(expected) and all(
        a.shape == b.shape and a.dtype == b.dtype and _close(a.detach().double(), b.detach().double())
        for a, b in zip(actual, expected, strict=True)
    )


def _close(a: Tensor, b: Tensor) -> bool:
    if not b.numel():
        return True
    tolerance = 0.02 * float(b.nan_to_num(posinf=0.0, neginf=0.0).abs().amax()) + 1e-6
    if (a - b).abs().amax() <= tolerance:  # without what the other one needs for NaN and infinity
        return True
    return torch.allclose(a, b, rtol=0, atol=tolerance, equal_nan=True)
