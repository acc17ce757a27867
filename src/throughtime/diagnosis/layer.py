"""Diagnosis of one recurrent layer: its gradient by lag, and the dynamics of its cell along real sequences."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from throughtime.cell.base import State
from throughtime.diagnosis.dynamics import (
    STEPS,
    flat_state,
    jacobians,
    lyapunov_spectrum,
    singular_values,
    unit_memory,
)
from throughtime.diagnosis.gates import Activity, observe
from throughtime.diagnosis.gradient_flow import LayerFlow
from throughtime.diagnosis.probe import CellRun
from throughtime.tree import map_state

EXPONENTS = 512
"""The most Lyapunov exponents that are computed, the largest ones."""

KEPT = 256
"""Up to this many numbers of the state the Jacobians of all steps are kept; beyond, they are computed twice."""


@dataclass(frozen=True)
class LayerDiagnosis:
    """All that is measured of one layer.

    Attributes:
        layer: the cell's path in the model, and `cell` the name of its class.
        flow: the gradient by lag.
        steps: the length of the sequences along which the cell was run.
        singular: ln σ of products of n Jacobians `[N, D]`, by n (`dynamics.singular_values`).
        exponents: Lyapunov exponents in nats a step, the mean over lanes, from the largest.
        activity: gates and dead units.
        memory: the time constant of each number of the state, by the part of the state.
    """

    layer: str
    cell: str
    flow: LayerFlow
    steps: int
    singular: dict[int, Tensor]
    exponents: Float[Tensor, " n"]
    activity: Activity
    memory: dict[str, Tensor]


def diagnose_layer(flow: LayerFlow, runs: Sequence[CellRun]) -> LayerDiagnosis:
    """Measure the dynamics of a cell along the sequences of its runs.

    Args:
        flow: its gradient by lag.
        runs: consecutive runs of the cell, each from the state after the one before.
    """
    cell = runs[0].cell
    size = flat_state(runs[0].cell.initial_state(1)).shape[1]
    inputs, state = trajectory(runs, max(1, min(4, 512 // size)), max(STEPS) + 1)
    windows = 4 if size <= KEPT else 1
    total: list[Tensor] = []

    def summed() -> Iterator[Tensor]:
        for jacobian in jacobians(cell, inputs, state):
            total[:] = [total[0] + jacobian if total else jacobian]
            yield jacobian

    steps = list(summed()) if size <= KEPT else summed()
    singular = singular_values(steps, windows=windows)
    again = steps if isinstance(steps, list) else jacobians(cell, inputs, state)
    count = min(size, EXPONENTS)
    exponents = lyapunov_spectrum(again, count, transient=min(32, len(inputs) // 4)).mean(0)
    memory = unit_memory(total[0] / len(inputs))
    return LayerDiagnosis(
        flow.layer,
        type(cell).__name__,
        flow,
        len(inputs),
        singular,
        exponents,
        observe(cell, inputs, state),
        dict(_by_part(memory, state)),
    )


def trajectory(runs: Sequence[CellRun], lanes: int, longest: int) -> tuple[Float[Tensor, "T B I"], State]:
    """The inputs of the lanes that go on for longest without a reset, and the states before them.

    Args:
        runs: consecutive runs of one cell; a run with another number of lanes continues none of them and ends them.
        lanes: B, at most.
        longest: T, at most.
    """
    same = takewhile(lambda run: run.inputs.shape[1] == runs[0].inputs.shape[1], runs)
    runs = list(same)
    inputs = torch.cat([run.inputs.detach() for run in runs])
    starts, lengths = _stretches(_marks(runs), runs[0].lengths if len(runs) == 1 else None)
    chosen = lengths.argsort(descending=True, stable=True)[:lanes]
    chosen = chosen[lengths[chosen] * 2 > lengths[chosen[0]]]
    steps = min(longest, int(lengths[chosen].min()))
    rows = starts[chosen] + torch.arange(steps)[:, None]
    anew = runs[0].cell.initial_state(len(chosen))
    fresh = (starts[chosen] > 0).to(inputs.device)

    def before(given: Tensor, start: Tensor) -> Tensor:
        return torch.where(fresh.view(-1, *[1] * (start.dim() - 1)), start, given[chosen]).detach()

    return inputs[rows, chosen], map_state(before, runs[0].state, anew)


def _marks(runs: Sequence[CellRun]) -> Bool[Tensor, "T B"]:
    lanes = runs[0].inputs.shape[1]
    return torch.cat(
        [
            torch.zeros(len(run.inputs), lanes, dtype=torch.bool) if run.resets is None else run.resets
            for run in runs
        ]
    )


def _stretches(marks: Bool[Tensor, "T B"], lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    """The first step and the length of each lane's longest stretch without a reset."""
    starts, longest = [], []
    for lane in range(marks.shape[1]):
        stop = len(marks) if lengths is None else int(lengths[lane])
        cuts = [0, *(step for step in marks[:stop, lane].nonzero()[:, 0].tolist() if step), stop]
        length, start = max((b - a, -a) for a, b in pairwise(cuts))
        starts.append(-start)
        longest.append(length)
    return torch.tensor(starts), torch.tensor(longest)


def _by_part(memory: Float[Tensor, " D"], state: State) -> Iterator[tuple[str, Tensor]]:
    """The time constants of each part of the state, by its field's name."""
    start = 0
    for name, part in zip(getattr(state, "_fields", range(len(state))), state, strict=True):
        if part.is_floating_point() or part.is_complex():
            stop = start + flat_state((part,)).shape[1]
            yield str(name), memory[start:stop]
            start = stop
