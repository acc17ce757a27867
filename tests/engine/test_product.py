import pytest
import torch

from throughtime.engine.product import outer_products, pack, row_products

SHAPES = [(1, 1, 1), (5, 17, 33), (600, 7, 64), (1100, 13, 130)]
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


def numbers(rows: int, columns: int, dtype: torch.dtype, transposed: bool) -> torch.Tensor:
    generator = torch.Generator().manual_seed(rows * columns)
    if transposed:
        return torch.randn(columns, rows, dtype=dtype, generator=generator).t()
    return torch.randn(rows, columns, dtype=dtype, generator=generator)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_products_of_any_size_and_order_of_memory(shape, transposed, dtype):
    inner, rows, outer = shape
    left, right = numbers(inner, rows, dtype, transposed), numbers(inner, outer, dtype, transposed)
    expected, tolerance = left.t() @ right, 4 * TOLERANCE[dtype] * inner**0.5
    torch.testing.assert_close(outer_products(left, right), expected, rtol=0, atol=tolerance)
    torch.testing.assert_close(row_products(left.t(), right), expected, rtol=0, atol=tolerance)


def test_panels_hold_every_column_and_zeros():
    matrix = torch.arange(1.0, 7.0).view(2, 3)
    assert pack(matrix).sum() == matrix.sum()


def test_nan_stays_in_its_row():
    left, right = torch.ones(8, 3), torch.ones(3, 5)
    left[2, 1] = float("nan")
    found = row_products(left, right)
    assert found[2].isnan().all()
    assert found[[0, 1, 3, 4, 5, 6, 7]].isfinite().all()


def test_threads_share_the_rows():
    left, right = torch.randn(50, 40), torch.randn(40, 70)
    before, alone = torch.get_num_threads(), row_products(left, right)
    try:
        torch.set_num_threads(3)
        torch.testing.assert_close(row_products(left, right), alone)
    finally:
        torch.set_num_threads(before)
