"""The traces of cells: made once for all cells alike, checked against the step itself, and remembered."""

import torch
from jaxtyping import Float
from torch import Tensor

from throughtime.cell.base import Cell, State
from throughtime.engine.trace.signature import signature, tensors_of
from throughtime.engine.trace.trace import Trace, UntraceableError, trace
from throughtime.engine.trace.without_hooks import aside

REMEMBERED = 256
_traces: dict[tuple, Trace | UntraceableError] = {}


def traced(cell: Cell, projected: Float[Tensor, "T B G"], state: State) -> Trace:
    """The trace of a cell's step as the cell is now.

    Raises:
        UntraceableError: it has none.
    """
    key = signature(cell, projected, state)
    if key not in _traces:
        if len(_traces) == REMEMBERED:
            del _traces[next(iter(_traces))]
        try:
            # A run without gradients has the same graph as one with them.
            with aside():
                _traces[key] = _checked(cell, projected, state)
        except UntraceableError as error:
            _traces[key] = error.with_traceback(None)
    found = _traces[key]
    if isinstance(found, UntraceableError):
        raise found
    return found


def trace_for(cell: Cell, inputs: Float[Tensor, "T B I"]) -> Trace:
    """The trace of a cell's step on such inputs.

    Raises:
        UntraceableError: it has none.
    """
    # Without random numbers being drawn: a cell may draw its masks in `project`.
    devices = [inputs.device] if inputs.is_cuda else []
    with torch.random.fork_rng(devices), torch.no_grad():
        projected = cell.project(inputs[:1, :1])
    return traced(cell, projected, cell.initial_state(1))


def reason_against(cell: Cell, inputs: Float[Tensor, "T B I"]) -> str | None:
    """Why a cell's step cannot be traced, as half a sentence; None when it can."""
    try:
        trace_for(cell, inputs)
    except UntraceableError as error:
        return str(error)
    return None


def _checked(cell: Cell, projected: Float[Tensor, "T B G"], state: State) -> Trace:
    """A trace that gives one step's values and gradients.

    A step may do what no tracer sees, such as a gradient of its own making or a choice by the number of lanes.
    """
    found = trace(cell, projected, state)
    device = projected.device.type
    precision = {"dtype": torch.get_autocast_dtype(device), "enabled": torch.is_autocast_enabled(device)}
    for lanes in (1, 3):
        sample = [_waves(part, lanes).requires_grad_() for part in (projected[0], *state)]
        learned = [t for t in tensors_of(cell).values() if t.requires_grad]
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
    own = tensors_of(cell).values()
    results = found.recurrence(*found.weights(*own), *sample)
    values, after = results[: found.values], results[found.values :]
    output = values[0] if found.readout is None else found.readout(*own, *values)[0]
    return [output, *after]


def _waves(part: Tensor, lanes: int) -> Tensor:
    """Numbers that no two lanes or features share, without drawing any."""
    shape = torch.Size((lanes, *part.shape[1:]))
    return (0.7 * torch.sin(2.4 * torch.arange(shape.numel()) + 0.3)).view(shape).to(part)


def _gradients(results: list[Tensor], sources: list[Tensor]) -> list[Tensor]:
    total = sum((result.double() * _waves(result, len(result)).double()).sum() for result in results)
    if not total.requires_grad:
        return []
    return list(torch.autograd.grad(total, sources, allow_unused=True, materialize_grads=True))


def _same(actual: list[Tensor], expected: list[Tensor]) -> bool:
    return len(actual) == len(expected) and all(
        a.shape == b.shape and a.dtype == b.dtype and _close(a.detach().double(), b.detach().double())
        for a, b in zip(actual, expected, strict=True)
    )


def _close(a: Tensor, b: Tensor) -> bool:
    scale = b.nan_to_num(posinf=0.0, neginf=0.0).abs().amax() if b.numel() else 0
    return torch.allclose(a, b, rtol=0, atol=0.02 * float(scale) + 1e-6, equal_nan=True)
