"""Saturation of gates and activations, and dead units, of a cell along a sequence.

Gates are found by watching the step: every call of a sigmoid, and of tanh, is one or several gates of H units each, in
the order of the calls. So no cell has to name them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from throughtime.cell.base import Cell, State

SATURATED = 0.01
"""A gate is saturated within this distance of its limits."""

DEAD = 1e-3
"""A unit is dead where its output varies by less than this share of the layer's most variable unit."""

SIGMOIDS = {torch.sigmoid, Tensor.sigmoid, functional.sigmoid, torch.special.expit}
LOG_SIGMOIDS = {functional.logsigmoid}
TANHS = {torch.tanh, Tensor.tanh, functional.tanh}


@dataclass(frozen=True)
class Gate:
    """The values of one gate, or one activation, over all steps and lanes.

    Attributes:
        name: such as `sigmoid 2`, the second gate of the step.
        low, high: the shares of its values in the lowest and the highest hundredth of its range.
        mean: of its values.
    """

    name: str
    low: float
    high: float
    mean: float


@dataclass(frozen=True)
class Activity:
    """Gates and units of a cell along a sequence.

    Attributes:
        gates: of the cell, in the order of its calls.
        dead: the share of output units that hardly vary (`DEAD`) over all steps and lanes.
    """

    gates: list[Gate]
    dead: float


class _Watch(TorchFunctionMode):
    """Keeps the results of all sigmoids and tanhs that are called."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, Tensor]] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in SIGMOIDS:
            self.seen.append(("sigmoid", result.detach()))
        elif func in LOG_SIGMOIDS:
            self.seen.append(("sigmoid", result.detach().exp()))
        elif func in TANHS:
            self.seen.append(("tanh", result.detach()))
        return result


def observe(cell: Cell, inputs: Float[Tensor, "T B I"], state: State) -> Activity:
    """Run a cell over a sequence and watch its gates and its output.

    Args:
        cell: the recurrence, in evaluation mode.
        inputs: the sequence.
        state: before the first step.
    """
    values: dict[str, list[Tensor]] = {}
    outputs = []
    with torch.no_grad():
        with _Watch() as watch:
            projected = cell.project(inputs)
        _collect(values, watch.seen, cell.hidden_size)
        offset = {kind: _count(values, kind) for kind in ("sigmoid", "tanh")}
        for row in projected:
            with _Watch() as watch:
                output, state = cell.step(row, state)
            _collect(values, watch.seen, cell.hidden_size, offset)
            outputs.append(output)
    spread = torch.stack(outputs).flatten(0, 1).flatten(1).double().std(0, correction=0)
    largest = float(spread.max())
    dead = float((spread <= DEAD * largest).double().mean()) if largest > 0 else 1.0
    return Activity([_gate(name, torch.cat(parts)) for name, parts in values.items()], dead)


def _count(values: dict[str, list[Tensor]], kind: str) -> int:
    return sum(name.startswith(kind) for name in values)


def _collect(
    values: dict[str, list[Tensor]],
    seen: list[tuple[str, Tensor]],
    hidden_size: int,
    offset: dict[str, int] | None = None,
) -> None:
    """Sort the results of one step by gate: a call on a multiple of H features is that many gates."""
    number = dict(offset or {"sigmoid": 0, "tanh": 0})
    for kind, result in seen:
        width = result.shape[-1]
        whole = result.dim() < 2 or width % hidden_size or width == hidden_size
        for part in [result] if whole else result.split(hidden_size, -1):
            number[kind] += 1
            values.setdefault(f"{kind} {number[kind]}", []).append(part.flatten())


def _gate(name: str, values: Float[Tensor, " n"]) -> Gate:
    bottom = -1.0 if name.startswith("tanh") else 0.0
    margin = SATURATED * (1 - bottom)
    low, high = values < bottom + margin, values > 1 - margin
    return Gate(name, float(low.float().mean()), float(high.float().mean()), float(values.mean()))
