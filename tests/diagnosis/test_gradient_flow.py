"""The gradient by lag is that of one late step, and its half-life that of the recurrence."""

import math
from functools import partial

import pytest
import torch
from torch import nn

from throughtime.cell.elman import Elman
from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.data.batch import Chunk
from throughtime.diagnosis.gradient_flow import decay_rate, half_life, measure_flow
from throughtime.engine.bptt.engine import BackpropagationThroughTime
from throughtime.engine.compiler.engine import Fused
from throughtime.engine.reference import Reference
from throughtime.model.layers.stack import Stack
from throughtime.task.tbptt import TruncatedBPTT

STEPS, LANES = 12, 3


def linear_cell(rho: float) -> Elman:
    """h_t = ρ Q h_{t-1} + x_t with an orthogonal Q."""
    cell = Elman(2, 6, activation="identity", output_activation=None)
    with torch.no_grad():
        cell.weight_recurrent.mul_(rho)
    return cell


class OneLayer(nn.Module):
    """A layer with the interface of a model."""

    def __init__(self, cell, engine) -> None:
        super().__init__()
        self.layers = Stack(lambda input_size: cell, engine, 2)
        self.initial_state = self.layers.initial_state

    def forward(self, inputs, state, lengths=None, resets=None):
        return self.layers(inputs, state, lengths, resets)


def loss_of(model, inputs, lengths=None, resets=None, weights=None):
    def loss():
        features, _ = model(inputs, model.initial_state(inputs.shape[1]), lengths, resets)
        rows = features.square().sum(-1)
        return (rows if weights is None else rows * weights).sum()

    return loss


@pytest.mark.parametrize("rho", [0.5, 0.9, 0.99, 1.1])
def test_a_linear_cell_has_the_half_life_of_its_spectral_radius(rho: float) -> None:
    torch.manual_seed(1)
    model = OneLayer(linear_cell(rho), BackpropagationThroughTime())
    (flow,) = measure_flow(model, loss_of(model, torch.randn(40, LANES, 2)))
    assert len(flow.late) == len(flow.chunk) == 40
    assert flow.rate == pytest.approx(rho, rel=1e-4)
    expected = math.log(2) / -math.log(rho) if rho < 1 else math.inf
    assert half_life(flow.rate) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(
    ("cell", "engine"), [(Elman, BackpropagationThroughTime()), (GRU, Reference()), (LSTM, Fused())]
)
def test_the_curve_is_the_gradient_of_the_last_step_by_autograd(cell, engine) -> None:
    torch.manual_seed(2)
    one = cell(2, 5)
    model, inputs = OneLayer(one, engine), torch.randn(STEPS, LANES, 2)
    state, hidden, outputs = one.initial_state(LANES), [], []
    for row in inputs:
        output, state = one.step(one.project(row), state)
        hidden.append(state[0])
        outputs.append(output)
    (flow,) = measure_flow(model, loss_of(model, inputs))
    for loss, found in (
        (outputs[-1].square().sum(), flow.late),
        (torch.stack(outputs).square().sum(), flow.chunk),
    ):
        gradients = torch.autograd.grad(loss, hidden, retain_graph=True, materialize_grads=True)
        expected = torch.stack([gradient.norm() for gradient in reversed(gradients)])
        torch.testing.assert_close(found, expected)


def test_the_late_step_is_the_last_that_counts_and_lanes_go_back_to_their_reset() -> None:
    torch.manual_seed(3)
    model, inputs = OneLayer(linear_cell(0.8), Reference()), torch.randn(STEPS, LANES, 2)
    weights = torch.ones(STEPS, LANES)
    weights[9:] = 0  # the loss of the last steps does not count
    weights[8, 2] = 0
    resets = torch.zeros(STEPS, LANES, dtype=torch.bool)
    resets[2, 1] = resets[6, 0] = resets[11, 1] = True
    (flow,) = measure_flow(model, loss_of(model, inputs, resets=resets, weights=weights))
    # Of step 8 lane 0 goes back to its reset at 6, lane 1 to that at 2, and lane 2 does not count.
    features, _ = model(inputs, model.initial_state(LANES), None, resets)
    first = 2 * features[8, 1].detach().norm()
    torch.testing.assert_close(flow.late, first * 0.8 ** torch.arange(7.0))


def test_a_horizon_beyond_the_chunk_shows_the_lags_of_both() -> None:
    model = OneLayer(linear_cell(0.9), BackpropagationThroughTime())
    carried = TruncatedBPTT(horizon=20)
    with torch.no_grad():
        for _ in range(4):
            carried.run(model, Chunk(torch.randn(8, LANES, 2), fresh=False))
    (flow,) = measure_flow(
        model, lambda: carried.run(model, Chunk(torch.randn(8, LANES, 2), fresh=False)).square().sum()
    )
    assert len(flow.late) == 20
    assert flow.rate == pytest.approx(0.9, rel=1e-4)


def test_layers_are_told_apart_and_a_measurement_changes_nothing() -> None:
    torch.manual_seed(4)
    model = Stack(partial(GRU, hidden_size=4), Reference(), 2, depth=2, dropout=0.5)
    model.register_buffer("calls", torch.zeros(()))
    inputs = torch.randn(STEPS, LANES, 2)

    def loss():
        model.calls.add_(1)
        return model(inputs, model.initial_state(LANES))[0].square().mean()

    random = torch.get_rng_state()
    flows = measure_flow(model, loss)
    assert [flow.layer for flow in flows] == ["cells.0", "cells.1"]
    assert torch.equal(torch.get_rng_state(), random)
    assert model.calls == 0
    assert not model._forward_hooks
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_rate_needs_two_norms_above_zero_and_passes_over_what_underflows() -> None:
    assert math.isnan(decay_rate(torch.tensor([1.0])))
    assert math.isnan(decay_rate(torch.tensor([1.0, 0.0, 1.0])))
    assert decay_rate(torch.tensor([1.0, 0.5, 0.25, 0.0, 0.0])) == pytest.approx(0.5)
    assert math.isnan(half_life(math.nan))
    assert half_life(1.0) == half_life(1.5) == math.inf
    assert half_life(0.5) == pytest.approx(1)
