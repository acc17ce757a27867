"""The gradient that goes back through a step is bounded, by the same numbers in every engine that clips it."""

import math

import pytest
import torch

from throughtime.cell.elman import Elman
from throughtime.cell.lstm import LSTM
from throughtime.cell.mingru import MinGRU
from throughtime.engine.auto import Auto, fastest_engine
from throughtime.engine.bptt.engine import BackpropagationThroughTime
from throughtime.engine.compiler.engine import Fused
from throughtime.engine.delta_clip import DeltaClip, clip_delta, delta_clip_of
from throughtime.engine.reference import Reference
from throughtime.engine.scan import Scan
from throughtime.engine.torch_kernels.engine import TorchKernels
from throughtime.errors import UserError
from throughtime.tree import leaves, map_state

LANES = 3


def exploding_cell(rho: float = 1.5) -> Elman:
    """h_t = ρ Q h_{t-1} + x_t, whose gradient grows by ρ from lag to lag."""
    torch.manual_seed(1)
    cell = Elman(2, 4, activation="identity", output_activation=None)
    with torch.no_grad():
        cell.weight_recurrent.mul_(rho)
    return cell


def gradients(engine, cell, steps, lengths=None, resets=None, last_only=False):
    """Of the state before the first step, of the inputs, and of the parameters."""
    torch.manual_seed(2)
    inputs = torch.randn(steps, LANES, cell.input_size, requires_grad=True)
    state = map_state(lambda part: part.normal_().requires_grad_(), cell.initial_state(LANES))
    outputs, after = engine.run(cell, inputs, state, lengths, resets)
    loss = sum(part.square().sum() for part in after)
    if not last_only:
        loss = loss + (outputs * torch.linspace(0.5, 2, steps)[:, None, None]).sum()
    return torch.autograd.grad(loss, [*leaves(state), inputs, *cell.parameters()], materialize_grads=True)


@pytest.mark.parametrize(
    ("engine", "algorithm"),
    [(Reference, "norm"), (Reference, "value"), (BackpropagationThroughTime, "norm"), (Auto, "norm")],
)
def test_the_bound_holds_at_every_lag(engine, algorithm) -> None:
    cell = exploding_cell()
    for lag in (1, 2, 5, 10):
        free = gradients(Reference(), cell, lag, last_only=True)[0]
        clipped = gradients(
            engine(delta_clip=0.5, delta_clip_algorithm=algorithm), cell, lag, last_only=True
        )[0]
        size = clipped.norm(dim=1) if algorithm == "norm" else clipped.abs()
        assert size.max() <= 0.5 * (1 + 1e-5)
        assert free.norm(dim=1).min() > 1.5**lag * 0.5
        if algorithm == "norm":
            assert size.min() == pytest.approx(0.5, rel=1e-5)  # all that the bound allows still goes back


@pytest.mark.parametrize("engine", [Reference, BackpropagationThroughTime, Fused])
def test_a_bound_that_is_never_reached_changes_nothing(engine) -> None:
    cell = exploding_cell()
    expected = gradients(engine(), cell, 8)
    for actual, free in zip(gradients(engine(delta_clip=1e6), cell, 8), expected, strict=True):
        torch.testing.assert_close(actual, free, rtol=1e-5, atol=1e-4)


def test_an_infinite_bound_is_none() -> None:
    assert delta_clip_of(math.inf, "norm") is None
    assert delta_clip_of(None, "value") is None


@pytest.mark.parametrize(
    ("engine", "algorithm", "recompute"),
    [
        (BackpropagationThroughTime, "norm", False),
        (BackpropagationThroughTime, "value", True),
        (Fused, "norm", True),
        (Fused, "value", False),
    ],
)
def test_engines_agree_with_the_plain_loop(engine, algorithm, recompute) -> None:
    """With lanes that end early, resets, and two parts of the state that are clipped each by itself."""
    torch.manual_seed(1)
    cell = LSTM(2, 4)
    lengths = torch.tensor([9, 4, 0])
    resets = torch.zeros(9, LANES, dtype=torch.bool)
    resets[3, 0] = resets[5, 1] = True
    settings = {"delta_clip": 0.3, "delta_clip_algorithm": algorithm}
    for masks in ({}, {"lengths": lengths}, {"resets": resets}, {"lengths": lengths, "resets": resets}):
        expected = gradients(Reference(**settings), cell, 9, **masks)
        actual = gradients(engine(recompute=recompute, **settings), cell, 9, **masks)
        for one, other in zip(actual, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
        free = gradients(Reference(), cell, 9, **masks)
        assert not torch.allclose(free[2], expected[2], rtol=1e-2)


def test_the_second_derivative_is_that_of_the_clipped_loop() -> None:
    """‖δ‖ is constant where it is clipped, so that the derivative of the gradient differs from the free one's."""
    found = []
    for engine in (Reference(delta_clip=0.3), BackpropagationThroughTime(delta_clip=0.3)):
        cell = exploding_cell().double()
        torch.manual_seed(2)
        inputs = torch.randn(5, LANES, 2, dtype=torch.float64, requires_grad=True)
        state = map_state(lambda part: part.normal_().requires_grad_(), cell.initial_state(LANES))
        outputs, _ = engine.run(cell, inputs, state)
        (first,) = torch.autograd.grad(outputs.square().sum(), inputs, create_graph=True)
        found.append(torch.autograd.grad(first.square().sum(), cell.weight_recurrent)[0])
    torch.testing.assert_close(*found)


def test_a_lane_is_clipped_by_itself_and_keeps_its_direction() -> None:
    gradient = torch.tensor([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]])
    clipped = clip_delta(gradient, DeltaClip(1.0, "norm"))
    torch.testing.assert_close(clipped, torch.tensor([[0.6, 0.8], [0.3, 0.4], [0.0, 0.0]]))
    pair = torch.view_as_complex(gradient)
    expected = torch.view_as_complex(gradient.clamp(-1, 1))
    torch.testing.assert_close(clip_delta(pair, DeltaClip(1.0, "value")), expected)


def test_engines_that_cannot_clip_say_so_and_auto_passes_them_over() -> None:
    clip = delta_clip_of(1.0, "norm")
    inputs = torch.zeros(3, LANES, 2)
    for engine, cell in ((TorchKernels, LSTM(2, 4)), (Scan, MinGRU(2, 4))):
        assert engine().unsupported_reason(cell, inputs, None, None) is None
        assert "delta_clip" in engine(delta_clip=1.0).unsupported_reason(cell, inputs, None, None)
        with pytest.raises(UserError, match=r"engine\.delta_clip"):
            engine(delta_clip=1.0).run(cell, inputs, cell.initial_state(LANES))
        assert fastest_engine(cell, inputs, delta_clip=clip).delta_clip == clip


@pytest.mark.parametrize(
    ("bound", "algorithm", "message"),
    [(0.0, "norm", "delta_clip must be above 0"), (1.0, "size", "delta_clip_algorithm=size is not known")],
)
def test_bounds_and_algorithms_are_checked(bound, algorithm, message) -> None:
    with pytest.raises(UserError, match=message):
        Reference(delta_clip=bound, delta_clip_algorithm=algorithm)
