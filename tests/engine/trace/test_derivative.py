import torch

from throughtime.cell.gru import GRU
from throughtime.engine.trace.derivative import differentiate
from throughtime.engine.trace.trace import trace


def test_the_graph_is_the_step_and_its_vector_jacobian_product():
    cell = GRU(3, 4)
    found = trace(cell, cell.project(torch.zeros(1, 2, 3)), cell.initial_state(2))
    derivative = differentiate(found)
    weights = [
        w.detach().requires_grad_() for w in found.weights(*dict(cell.named_parameters()).values(), None)
    ]
    lanes = found.lanes
    x, hidden = (torch.randn(lanes, size, requires_grad=True) for size in (12, 4))
    gradients = [torch.randn(lanes, 4) for _ in range(2)]
    results = found.recurrence(*weights, x, hidden)
    expected = torch.autograd.grad(results, [*weights, x, hidden], gradients)
    actual = derivative.module(*(t.detach() for t in (*weights, x, hidden)), *gradients)
    torch.testing.assert_close(
        tuple(actual), (*(r.detach() for r in results), *expected), rtol=1e-4, atol=1e-3
    )
    assert len(derivative.weight_gradients) == len(weights)
