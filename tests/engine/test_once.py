import pytest
import torch

from throughtime.engine.once import differentiable_once


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    @differentiable_once
    def backward(ctx, gradient):
        return (2 * ctx.saved_tensors[0] * gradient,)


def test_the_first_derivative_is_there_and_the_second_is_a_plain_error():
    x = torch.tensor(3.0, requires_grad=True)
    (first,) = torch.autograd.grad(Square.apply(x), x, create_graph=True)
    assert first.item() == 6
    with pytest.raises(RuntimeError, match="choose engine=reference for second derivatives"):
        first.backward()
