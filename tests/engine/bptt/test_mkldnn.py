"""Products by oneDNN and by BLAS are the same."""

import pytest
import torch

from throughtime.engine.bptt import mkldnn
from throughtime.engine.bptt.mkldnn import prepacked_matmul, transposed_matmul

close = torch.testing.assert_close


@pytest.fixture(params=[0, 1 << 40], ids=["oneDNN", "BLAS"], autouse=True)
def library(request, monkeypatch):
    monkeypatch.setattr(mkldnn, "SMALLEST", request.param)


def test_the_product_with_a_weight():
    weight, left, x, out = torch.randn(5, 7), torch.randn(3, 5), torch.randn(3, 7), torch.empty(3, 7)
    for layout in (weight, weight.t().contiguous().t()):
        matmul, add_matmul = prepacked_matmul(layout, 3)
        matmul(left, out)
        close(out, left @ weight)
        add_matmul(x, left, out)
        close(out, x + left @ weight)


def test_the_sum_of_outer_products():
    left, right = torch.randn(11, 3), torch.randn(11, 5)
    close(transposed_matmul(left, right), left.t() @ right)
