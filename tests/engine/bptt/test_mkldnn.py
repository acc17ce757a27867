"""Products by either library are the same, with their gradients."""

import pytest
import torch
from torch.nn import functional

from throughtime.engine.bptt import mkldnn as dense
from throughtime.engine.bptt.mkldnn import Dense, linear, outer_products, times

close = torch.testing.assert_close


@pytest.fixture(params=[0, 1 << 40], ids=["oneDNN", "BLAS"], autouse=True)
def library(request, monkeypatch):
    monkeypatch.setattr(dense, "SMALLEST", request.param)


def test_the_product_with_a_weight():
    weight, left, x, out = torch.randn(5, 7), torch.randn(3, 5), torch.randn(3, 7), torch.empty(3, 7)
    for layout in (weight, weight.t().contiguous().t()):
        alone, added = times(layout, 3)
        alone(left, out)
        close(out, left @ weight)
        added(x, left, out)
        close(out, x + left @ weight)


def test_the_sum_of_outer_products():
    left, right = torch.randn(11, 3), torch.randn(11, 5)
    close(outer_products(left, right), left.t() @ right)


@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_map_and_its_gradients(bias):
    sources = [torch.randn(*shape, requires_grad=True) for shape in ((2, 3, 5), (7, 5), (7,))][: 2 + bias]
    weighting = torch.randn(2, 3, 7)
    results = [function(*sources) for function in (linear, functional.linear)]
    close(*results)
    close(*(torch.autograd.grad((r * weighting).sum(), sources) for r in results))
    with Dense():
        close(functional.linear(*sources), results[0])
