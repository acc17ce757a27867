"""A probe runs what the model runs, records its error norms, and leaves the model as it was."""

from functools import partial

import pytest
import torch

from throughtime.cell.elman import Elman
from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.cell.unitary import Unitary
from throughtime.diagnosis.probe import probing
from throughtime.engine.auto import Auto
from throughtime.engine.bptt.engine import BackpropagationThroughTime
from throughtime.engine.compiler.engine import Fused
from throughtime.engine.reference import Reference
from throughtime.engine.torch_kernels.engine import TorchKernels
from throughtime.model.layers.bidirectional import Bidirectional
from throughtime.model.layers.stack import Stack

STEPS, LANES = 7, 3
RESETS = torch.zeros(STEPS, LANES, dtype=torch.bool)
RESETS[2, 1] = True


class Untraceable(Elman):
    """A cell whose step depends on the numbers that it computes with."""

    def step(self, projected, state):
        return super().step(projected * (2.0 if float(projected[0, 0].detach()) > 0 else 1.0), state)


def by_autograd(stack, inputs, lengths, resets):
    """‖∂ℓ/∂h_t‖ of every layer by autograd on the plain loop."""
    hidden = []
    state = stack.initial_state(LANES)
    starts = stack.initial_state(LANES)
    outputs = []
    for t in range(STEPS):
        running = torch.ones(LANES, dtype=torch.bool) if lengths is None else t < lengths
        row, layers, after = inputs[t], [], []
        for cell, before, start in zip(stack.cells, state, starts, strict=True):
            if resets is not None:
                reset = (resets[t] & running)[:, None]
                before = type(before)(*(torch.where(reset, a, b) for a, b in zip(start, before, strict=True)))
            row, new = cell.step(cell.project(row), before)
            layers.append(new[0])
            row = torch.where(running[:, None], row, 0)
            after.append(
                type(new)(*(torch.where(running[:, None], a, b) for a, b in zip(new, before, strict=True)))
            )
        state = after
        hidden.append(layers)
        outputs.append(row)
    found = torch.autograd.grad(
        torch.stack(outputs).square().sum(),
        [part for layers in hidden for part in layers],
        materialize_grads=True,
        allow_unused=True,
    )
    return torch.stack([part.norm() for part in found]).view(STEPS, -1).T


@pytest.mark.parametrize(
    ("lengths", "resets"), [(None, RESETS), (torch.tensor([7, 3, 5]), None)], ids=["resets", "lengths"]
)
@pytest.mark.parametrize(
    ("cell", "engine"),
    [
        (Elman, BackpropagationThroughTime()),
        (LSTM, BackpropagationThroughTime(recompute=True)),
        (LSTM, Fused()),
        (LSTM, Auto()),
        (GRU, Reference()),
        (Unitary, Reference()),
        (Untraceable, Reference()),
    ],
    ids=lambda part: getattr(part, "__name__", type(part).__name__),
)
def test_the_norms_of_all_layers_are_those_of_autograd(cell, engine, lengths, resets) -> None:
    torch.manual_seed(0)
    stack = Stack(partial(cell, hidden_size=4), Reference(), 3, depth=2)
    inputs = torch.randn(STEPS, LANES, 3)
    expected = by_autograd(stack, inputs, lengths, resets)
    stack.engine = engine
    with probing(stack) as probe:
        outputs, _ = stack(inputs, stack.initial_state(LANES), lengths, resets)
        for _ in range(2):  # the graph is kept, and a second pass does not add to the first
            probe.backward(outputs.square().sum(), list(stack.parameters()))
    assert [run.name for run in probe.runs] == ["cells.0", "cells.1"]
    torch.testing.assert_close(torch.stack([run.norms for run in probe.runs]), expected)
    assert all(parameter.grad is None for parameter in stack.parameters())
    assert stack.engine is engine


def test_frozen_weights_have_norms_too() -> None:
    stack = Stack(partial(Elman, hidden_size=4), TorchKernels(), 3, depth=2)
    stack.requires_grad_(False)
    with probing(stack) as probe:
        outputs, _ = stack(torch.randn(STEPS, LANES, 3), stack.initial_state(LANES))
        probe.backward(outputs.sum(), list(stack.parameters()))
    assert all((run.norms > 0).all() for run in probe.runs)


def test_recurrences_from_the_end_are_run_by_their_own_engine() -> None:
    layers = Bidirectional(partial(Elman, hidden_size=4), Reference(), 3, depth=2)
    inputs, state = torch.randn(STEPS, LANES, 3), layers.initial_state(LANES)
    expected, _ = layers(inputs, state)
    with probing(layers) as probe:
        outputs, _ = layers(inputs, state)
    torch.testing.assert_close(outputs, expected)
    assert [run.name for run in probe.runs] == ["forwards.0.cells.0", "forwards.1.cells.0"]
