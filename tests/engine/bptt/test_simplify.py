import torch
from torch.fx.experimental.proxy_tensor import make_fx

from throughtime.engine.bptt.simplify import simplify
from throughtime.engine.trace.graph import placeholders

aten = torch.ops.aten


def simplified(function, *arguments, carried: int = 1):
    """The function's graph before and after, and the number of operators that wait for the carried inputs."""
    module = make_fx(function, tracing_mode="fake")(*arguments)
    expected = function(*arguments)
    simplify(module, placeholders(module)[-carried:])
    torch.testing.assert_close(module(*arguments), expected)
    return [node.target for node in module.graph.nodes if node.op == "call_function"], module


def numbers(*shape: int) -> torch.Tensor:
    return torch.rand(shape, dtype=torch.double)


def test_a_derivative_is_a_factor_and_factors_come_before_errors():
    def back(h, c, d, error):
        return (aten.tanh_backward(error * c, h) * d,)

    _, module = simplified(back, *(numbers(3, 4) for _ in range(4)))
    error = placeholders(module)[-1]
    assert len(error.users) == 1
    (product,) = error.users
    assert [user.op for user in product.users] == ["output"]


def test_a_sum_takes_in_the_product_before_it():
    assert simplified(lambda x, a, b: (x + a @ b,), numbers(3, 4), numbers(3, 5), numbers(5, 4))[0] == [
        aten.addmm.default
    ]
    assert simplified(lambda x, a, b: (x + a * b,), *(numbers(3, 4) for _ in range(3)))[0] == [
        aten.addcmul.default
    ]
    assert simplified(lambda x, a, b: (x - a * b,), *(numbers(3, 4) for _ in range(3)))[0] == [
        aten.addcmul.default
    ]


def test_what_broadcasts_is_left_alone():
    targets, _ = simplified(lambda x, a, b: (x + a * b,), numbers(3, 4), numbers(3, 1), numbers(1, 4))
    assert targets == [aten.mul.Tensor, aten.add.Tensor]
