import jaxtyping
import pytest
import torch

from throughtime.engine.compiler.runtime.gemm import outer_products, row_products

SHAPES = [
    (1, 1, 1),
    (5, 17, 33),
    (600, 7, 64),
    (26, 90, 130),
    (1100, 13, 130),
    (40, 1, 130),
    (1030, 2, 70),
    (1024, 130, 66),
]
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


def numbers(rows: int, columns: int, dtype: torch.dtype, transposed: bool) -> torch.Tensor:
    generator = torch.Generator().manual_seed(rows * columns)
    if transposed:
        return torch.randn(columns, rows, dtype=dtype, generator=generator).t()
    return torch.randn(rows, columns, dtype=dtype, generator=generator)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_products_of_any_size_and_strides(shape, transposed, dtype):
    inner, rows, outer = shape
    left, right = numbers(inner, rows, dtype, transposed), numbers(inner, outer, dtype, transposed)
    expected, tolerance = left.t() @ right, 4 * TOLERANCE[dtype] * inner**0.5
    torch.testing.assert_close(outer_products(left, right)[0], expected, rtol=0, atol=tolerance)
    torch.testing.assert_close(row_products(left.t(), right), expected, rtol=0, atol=tolerance)


def test_a_bias_is_added_to_every_row_of_a_product():
    left, right, bias = torch.randn(9, 7), torch.randn(7, 70), torch.randn(70)
    torch.testing.assert_close(row_products(left, right, bias), left @ right + bias)


@pytest.mark.parametrize("shape", SHAPES)
def test_column_sums_come_with_the_outer_products(shape):
    inner, rows, outer = shape
    left = numbers(inner, rows, torch.float64, False)
    _, found = outer_products(left, numbers(inner, outer, torch.float64, False), column_sums=True)
    torch.testing.assert_close(found, left.sum(0))


def test_a_sum_over_no_rows_is_zero():
    product, sums = outer_products(torch.ones(0, 3), torch.ones(0, 4), column_sums=True)
    assert (product == 0).all()
    assert (sums == 0).all()


def test_nan_stays_in_its_row():
    left, right = torch.ones(8, 3), torch.ones(3, 5)
    left[2, 1] = float("nan")
    found = row_products(left, right)
    assert found[2].isnan().all()
    assert found[[0, 1, 3, 4, 5, 6, 7]].isfinite().all()


def test_products_do_not_depend_on_the_number_of_threads():
    left, right = torch.randn(500, 40), torch.randn(40, 70)
    before, alone = torch.get_num_threads(), row_products(left, right)
    try:
        torch.set_num_threads(3)
        torch.testing.assert_close(row_products(left, right), alone)
        torch.testing.assert_close(outer_products(left, left)[0], left.t() @ left, rtol=1e-4, atol=1e-4)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("rows", [1, 2, 30])
def test_threads_divide_the_columns_of_few_rows(rows):
    left, right = torch.randn(rows, 2100), torch.randn(2100, 2050)
    before, alone = torch.get_num_threads(), row_products(left, right)
    try:
        torch.set_num_threads(3)
        assert torch.equal(row_products(left, right), alone)  # no sum depends on the division
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("rows", "inner", "outer"), [(1, 5, 3), (7, 33, 65), (100, 1030, 70), (64, 32, 129)])
def test_products_in_bf16_are_those_of_rounded_operands(rows, inner, outer):
    left, right, errors = torch.randn(rows, inner), torch.randn(outer, inner).t(), torch.randn(rows, outer)

    def rounded(matrix):
        return matrix.bfloat16().double()

    exact, rounded_product = left.double() @ right.double(), rounded(left) @ rounded(right)
    product = row_products(left, right, bf16=True).double()
    error = min(
        (product - rounded_product).abs().max(), (product - exact).abs().max()
    )  # exact on other processors
    assert error <= 1e-5 * exact.abs().max().clamp(min=1)
    exact, rounded_product = errors.double().t() @ left.double(), rounded(errors).t() @ rounded(left)
    product, sums = outer_products(errors, left, column_sums=True, bf16=True)
    error = min((product - rounded_product).abs().max(), (product - exact).abs().max())
    assert error <= 1e-5 * exact.abs().max().clamp(min=1)
    torch.testing.assert_close(sums, errors.sum(0), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_nan_and_infinity_stay_in_their_row_in_bf16(number):
    left, right = torch.ones(3, 40), torch.ones(40, 70)
    left[1, 7] = number
    product = row_products(left, right, bf16=True)
    assert not product[1].isfinite().any() and product[[0, 2]].isfinite().all()


@pytest.mark.parametrize(
    ("left", "right", "bias"),
    [
        (torch.zeros(4, 7), torch.zeros(9, 5), None),
        (torch.zeros(4, 9), torch.zeros(7, 5), None),
        (torch.zeros(4, 7), torch.zeros(7, 5).double(), None),
        (torch.zeros(4, 7).bfloat16(), torch.zeros(7, 5).bfloat16(), None),
        (torch.zeros(4, 7), torch.zeros(7, 5, device="meta"), None),
        (torch.zeros(4, 7), torch.zeros(7, 5), torch.zeros(1)),
        (torch.zeros(4, 7), torch.zeros(7, 5), torch.zeros(5).double()),
    ],
)
def test_operands_that_do_not_agree_are_refused(left, right, bias, monkeypatch):
    # As in a run, where no annotation is checked.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    if bias is None:
        with pytest.raises(RuntimeError, match=r"expected .*operand"):
            outer_products(left.t().contiguous(), right)
    with pytest.raises(RuntimeError, match=r"expected .*(operand|bias)"):
        row_products(left, right, bias)
