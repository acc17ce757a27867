"""Norm of the gradient by lag: ‖∂ℓ_t/∂h_{t-k}‖ for k = 0, 1, 2, … and its half-life in steps.

For a linear recurrence whose matrix is ρ times an orthogonal one the norm is ‖∂ℓ_t/∂h_t‖ ρ^k, and its half-life
ln 2 / -ln ρ steps (Hochreiter 1991; Pascanu, Mikolov & Bengio 2013, ICML).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from throughtime.diagnosis.probe import CellRun, probing

SMALLEST = 1e-30
"""Norms below it are lost to the underflow of single precision."""


@dataclass(frozen=True)
class LayerFlow:
    """The gradient of one layer by lag.

    Attributes:
        layer: the cell's path in the model.
        late: ‖∂ℓ_t/∂h_{t-k}‖ of the loss at one late step t, for k = 0, 1, …; of the lanes that go back furthest from
            it without a reset, as far as they go.
        chunk: ‖∂ℓ/∂h_{T-k}‖ of the loss of all steps of the chunk, over all lanes.
    """

    layer: str
    late: Float[Tensor, " late"]
    chunk: Float[Tensor, " T"]

    @property
    def rate(self) -> float:
        """The factor by which the norm of the late loss changes from one lag to the next (`decay_rate`)."""
        return decay_rate(self.late)


def decay_rate(norms: Float[Tensor, " K"]) -> float:
    """exp of the least-squares slope of ln ‖∂ℓ_t/∂h_{t-k}‖ over the lag k; NaN of fewer than two norms above 0."""
    kept = torch.nan_to_num(norms.double(), nan=0.0, posinf=0.0)
    small = (kept <= SMALLEST).nonzero()
    kept = kept[: int(small[0])] if len(small) else kept
    if len(kept) < 2:
        return math.nan
    lags = torch.arange(len(kept), dtype=torch.float64)
    lags = lags - lags.mean()
    return math.exp(float((lags * kept.cpu().log()).sum() / lags.square().sum()))


def half_life(rate: float) -> float:
    """The steps in which the gradient falls to a half, ln 2 / -ln(rate); infinite where it does not fall."""
    if math.isnan(rate):
        return math.nan
    return math.inf if rate >= 1 else -math.log(2) / math.log(rate)


def measure_flow(model: nn.Module, loss: Callable[[], Tensor]) -> list[LayerFlow]:
    """The gradient by lag of every recurrent layer, by one forward and two backward passes.

    The late step is the last one at which the loss depends on the features of the model; what the other steps
    contribute to the loss is left out there. Nothing is changed: no gradient, buffer or random number of the model.

    Args:
        model: called as `model(...) -> (features [T, B, ...], state)` while the loss is computed. Where it is not
            called so, all of the loss counts as late.
        loss: computes the loss of one chunk.
    """
    features: list[Tensor] = []
    late = False

    def keep(module: nn.Module, arguments: tuple, result: tuple) -> None:
        if not (isinstance(result, tuple) and isinstance(result[0], Tensor) and result[0].requires_grad):
            return
        number = len(features)
        features.append(result[0])
        result[0].register_hook(lambda gradient: restricted(number, gradient) if late else None)

    def restricted(number: int, gradient: Tensor) -> Tensor:
        if number < len(features) - 1:
            return torch.zeros_like(gradient)
        entries, place.entry = late_entry(gradient, probe.runs, sum(map(len, features[:-1])))
        return torch.where(entries.view(*entries.shape, *[1] * (gradient.dim() - 2)), gradient, 0)

    place = _Place()
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    handle = model.register_forward_hook(keep)
    try:
        with (
            torch.random.fork_rng(_devices(model)),
            torch.enable_grad(),
            probing(model) as probe,
        ):
            value = loss()
            parameters = list(model.parameters())
            probe.backward(value, parameters)
            chunk = [(name, norms) for name, norms in _by_layer(probe.runs)]
            late = True
            probe.backward(value, parameters)
            last = _by_layer(probe.runs)
    finally:
        handle.remove()
        with torch.no_grad():
            for name, buffer in model.named_buffers():
                buffer.copy_(buffers[name])
    steps = sum(map(len, features))
    flows = []
    for (name, whole), (_, norms) in zip(chunk, last, strict=True):
        step, span = place.entry if place.entry and len(norms) == steps else (len(norms) - 1, len(norms) - 1)
        flows.append(LayerFlow(name, norms[step - span : step + 1].flip(0).cpu(), whole.flip(0).cpu()))
    return flows


class _Place:
    """The late step and the largest lag from it; None until they are known."""

    entry: tuple[int, int] | None = None


def late_entry(
    gradient: Float[Tensor, "T B *H"], runs: list[CellRun], older: int
) -> tuple[Bool[Tensor, "T B"], tuple[int, int]]:
    """The mask of the loss at one late step, and that step with its largest lag, both counted from the first run step.

    Args:
        gradient: of the loss with respect to the features of the last T steps.
        runs: of all cells; the resets of their first one tell how far back each lane goes.
        older: the steps that were run before those T.
    """
    counted = gradient.flatten(2).abs().sum(-1) > 0
    mask = torch.zeros_like(counted)
    rows = counted.any(1).nonzero()
    if not len(rows):
        return mask, (older + len(counted) - 1, older + len(counted) - 1)
    row = int(rows[-1])
    step = older + row
    first = [run for run in runs if run.cell is runs[0].cell]
    start = torch.zeros(counted.shape[1], dtype=torch.int64, device=gradient.device)
    passed = 0
    for run in first:
        if run.resets is not None:
            steps = torch.arange(passed, passed + len(run.inputs), device=gradient.device)[:, None]
            marks = torch.where(run.resets & (steps <= step), steps, 0)
            start = torch.maximum(start, marks.amax(0))
        passed += len(run.inputs)
    start = torch.where(counted[row], start, step + 1)
    mask[row] = counted[row] & (start == start.min())
    return mask, (step, step - int(start.min()))


def _by_layer(runs: list[CellRun]) -> list[tuple[str, Tensor]]:
    """The norms of every cell over all of its steps; a cell that ran in several parts has them one after another."""
    order = {run.name: index for index, run in reversed(list(enumerate(runs)))}
    ordered = sorted(runs, key=lambda run: order[run.name])
    return [
        (name, torch.cat([run.norms for run in own])) for name, own in groupby(ordered, lambda run: run.name)
    ]


def _devices(model: nn.Module) -> list[torch.device]:
    """The GPUs whose random numbers the model draws."""
    found = {parameter.device for parameter in model.parameters() if parameter.device.type == "cuda"}
    return sorted(found, key=str)
