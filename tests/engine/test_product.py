import pytest
import torch

from throughtime.cell.elman import Elman
from throughtime.engine.compiled import compiled
from throughtime.engine.trace import trace


@pytest.fixture(params=[torch.float32, torch.float64])
def kernel(request):
    cell = Elman(3, 4).to(request.param)
    projected = cell.project(torch.zeros(1, 2, 3, dtype=request.param))
    return compiled(trace(cell, projected, cell.initial_state(2)))


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 17, 33), (600, 7, 64), (1100, 13, 130)])
def test_sums_of_outer_products_of_any_size(kernel, shape, transposed):
    torch.manual_seed(0)
    inner, rows, outer = shape
    left = torch.randn(inner, rows, dtype=kernel.precision)
    right = torch.randn(outer, inner, dtype=kernel.precision).t()
    right = right if transposed else right.contiguous()
    found = kernel.outer_products(left, right)
    tolerance = 1e-12 if kernel.precision == torch.float64 else 1e-5
    torch.testing.assert_close(found, left.t() @ right, rtol=0, atol=tolerance * inner**0.5 * 4)


def test_panels_hold_every_column_and_zeros(kernel):
    matrix = torch.arange(1.0, 7.0, dtype=kernel.precision).view(2, 3)
    assert kernel.pack(matrix).sum() == matrix.sum()
