import pytest
import torch

from throughtime.cell.elman import Elman
from throughtime.engine.trace.trace import UntraceableError
from throughtime.engine.trace.trace_cache import cached_trace, cached_trace_for_inputs


class Spike(torch.autograd.Function):
    """A step function with a gradient of its own making, as spiking networks have."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x > 0).to(x)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient / (1 + x.abs()) ** 2


class Spiking(Elman):
    def step(self, projected, state):
        return super().step(Spike.apply(projected), state)


class Alone(Elman):
    def step(self, projected, state):
        return super().step(projected if len(projected) == 1 else 2 * projected, state)


def find(cell):
    return cached_trace(cell, cell.project(torch.zeros(1, 2, 3)), cell.initial_state(2))


def test_cells_alike_share_a_trace():
    assert find(Elman(3, 4)) is find(Elman(3, 4))
    assert find(Elman(3, 4)) is not find(Elman(3, 4, activation="relu"))


@pytest.mark.parametrize("kind", [Spiking, Alone])
def test_what_no_tracer_sees_is_found_by_checking(kind):
    with pytest.raises(UntraceableError):
        find(kind(3, 4))
    with pytest.raises(UntraceableError):
        cached_trace_for_inputs(kind(3, 4), torch.zeros(1, 1, 3))


def test_a_search_for_a_trace_draws_no_random_numbers():
    class Masked(Elman):
        def project(self, inputs):
            return super().project(inputs) * torch.bernoulli(torch.full((4,), 0.5))

    cell, before = Masked(3, 4), torch.get_rng_state()
    cached_trace_for_inputs(cell, torch.zeros(1, 1, 3))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_trace_is_found_without_gradients_too():
    cell = Elman(3, 6, activation="sigmoid")
    with torch.inference_mode():
        find(cell)


def test_a_trace_is_found_again_without_projecting(monkeypatch):
    cell, inputs = Elman(3, 5), torch.zeros(2, 4, 3)
    found = cached_trace_for_inputs(cell, inputs)
    monkeypatch.setattr(Elman, "project", None)
    assert cached_trace_for_inputs(cell, torch.ones(7, 1, 3)) is found
    assert found is cached_trace_for_inputs(Elman(3, 5), inputs)
    monkeypatch.undo()
    for other in (Elman(3, 5).double(), Elman(3, 5, activation="relu")):
        assert cached_trace_for_inputs(other, inputs.to(next(other.parameters()))) is not found
