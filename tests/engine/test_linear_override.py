"""A linear layer by other products than torch's has torch's values and gradients, of any order."""

import pytest
import torch
from torch.nn import functional

from throughtime.engine.bptt import mkldnn
from throughtime.engine.bptt.mkldnn import OneDNNProducts
from throughtime.engine.compiler.runtime import linear_override as compiled
from throughtime.engine.compiler.runtime.linear_override import CompiledProducts
from throughtime.engine.linear_override import LinearOverride, LinearProducts, linear

PRODUCTS = [OneDNNProducts, CompiledProducts]


@pytest.fixture
def any_size(monkeypatch):
    """Products of any size are taken over."""
    monkeypatch.setattr(mkldnn, "SMALLEST", 0)
    monkeypatch.setattr(compiled, "SMALLEST", 0)


class Counting(LinearProducts):
    """Torch's own products, counted."""

    dtypes = frozenset({torch.float32})
    smallest = 0

    def __init__(self) -> None:
        self.calls = 0

    def forward(self, rows, weight, bias):
        self.calls += 1
        return functional.linear(rows, weight, bias)

    def input_gradient(self, grad_out, weight):
        return grad_out @ weight

    def weight_gradient(self, grad_out, rows, bias):
        return grad_out.t() @ rows, grad_out.sum(0) if bias else None


def close(actual, expected) -> None:
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(33,), (6, 33), (6, 4, 33), (2, 3, 4, 33)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", PRODUCTS)
def test_values_and_gradients_are_those_of_torch(kind, bias, shape, any_size):
    sources = [torch.randn(*size, requires_grad=True) for size in (shape, (70, 33), (70,))][: 2 + bias]
    weighting = torch.randn(*shape[:-1], 70)
    expected = functional.linear(*sources)
    with LinearOverride(kind()):
        found = functional.linear(*sources)
    close(found, expected)
    close(*(torch.autograd.grad((r * weighting).sum(), sources) for r in (found, expected)))


@pytest.mark.parametrize("wanted", [(0,), (1,), (2,), (0, 2), (1, 2)])
@pytest.mark.parametrize("kind", PRODUCTS)
def test_only_some_sources_may_want_a_gradient(kind, wanted, any_size):
    sources = [torch.randn(*shape) for shape in ((6, 4, 33), (70, 33), (70,))]
    for index in wanted:
        sources[index].requires_grad_()
    results = linear(kind(), *sources), functional.linear(*sources)
    chosen = [sources[index] for index in wanted]
    close(*(torch.autograd.grad(r.square().sum(), chosen) for r in results))


@pytest.mark.parametrize("kind", PRODUCTS)
def test_second_derivatives_are_those_of_torch(kind, any_size):
    sources = [torch.randn(*shape, requires_grad=True) for shape in ((6, 4, 33), (7, 33), (7,))]

    def second(result):
        first = torch.autograd.grad(result.square().sum(), sources, create_graph=True)
        return torch.autograd.grad(sum(part.square().mean() for part in first), sources)

    close(second(linear(kind(), *sources)), second(functional.linear(*sources)))


def test_products_in_code_and_in_graphs_of_operators_are_taken_over():
    products, aten = Counting(), torch.ops.aten
    rows, weight, bias = torch.randn(6, 5), torch.randn(7, 5), torch.randn(7)
    with LinearOverride(products):
        torch.nn.Linear(5, 7)(rows)
        aten.mm.default(rows, weight.t())
        found = aten.addmm.default(bias, rows, weight.t())
        aten.addmm.default(bias, rows, weight.t(), beta=2)  # no linear layer
    assert products.calls == 3
    close(found, functional.linear(rows, weight, bias))


@pytest.mark.parametrize("bias", [None, torch.zeros(64), torch.ones(1)])
@pytest.mark.parametrize("kind", PRODUCTS)
def test_sizes_that_do_not_agree_are_left_to_torch(kind, bias):
    weight = torch.randn(64, 256)
    with LinearOverride(kind()), pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        functional.linear(torch.randn(128, 255), weight, bias)
    inputs = torch.randn(128, 256)
    with LinearOverride(kind()):
        found = functional.linear(inputs, weight, bias)
    close(found, functional.linear(inputs, weight, bias))


def test_small_products_other_precisions_and_autocast_are_left_to_torch():
    products = Counting()
    products.smallest = 6 * 5 * 7
    inputs, weight = torch.randn(6, 5), torch.randn(7, 5)
    with LinearOverride(products):
        functional.linear(inputs, weight)
        assert products.calls == 1
        functional.linear(inputs[:5], weight)
        functional.linear(inputs.double(), weight.double())
        with torch.autocast("cpu", torch.bfloat16):
            functional.linear(inputs, weight)
    assert products.calls == 1


def test_a_failure_that_the_products_name_leaves_the_layer_to_torch():
    class Failing(Counting):
        failures = (OSError,)

        def forward(self, rows, weight, bias):
            raise OSError("no library")

    inputs, weight = torch.randn(6, 5), torch.randn(7, 5)
    with LinearOverride(Failing()):
        assert torch.equal(functional.linear(inputs, weight), inputs @ weight.t())
