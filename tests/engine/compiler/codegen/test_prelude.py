"""Scalar functions in C against those of torch, over all magnitudes."""

import ctypes

import pytest
import torch

from throughtime.engine.compiler.codegen.block import C_TEMPLATES
from throughtime.engine.compiler.codegen.prelude import prelude
from throughtime.engine.compiler.runtime.toolchain import library

NAMES = ("exp", "sigmoid", "tanh", "relu", "abs", "sign", "expm1", "log1p", "erf", "sqrt")
SMALL = torch.logspace(-6, 1.9, 400, dtype=torch.float64)
EXTREMES = torch.tensor([0.0, 88.5, 120.0, float("inf")], dtype=torch.float64)
NUMBERS = torch.cat((SMALL, -SMALL, EXTREMES, -EXTREMES, torch.tensor([float("nan")], dtype=torch.float64)))


def computed(name: str, numbers: torch.Tensor) -> torch.Tensor:
    functions = "".join(
        f"void {n}_all(long count, const real *x, real *y) {{\n#pragma omp simd\n"
        f"for (long j = 0; j < count; ++j) y[j] = {C_TEMPLATES[n].format('x[j]')}; }}\n"
        for n in NAMES
    )
    result = torch.empty_like(numbers)
    addresses = (ctypes.c_void_p(numbers.data_ptr()), ctypes.c_void_p(result.data_ptr()))
    getattr(library(prelude(numbers.dtype) + functions), f"{name}_all")(
        ctypes.c_long(len(numbers)), *addresses
    )
    return result


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-14)])
@pytest.mark.parametrize("name", NAMES)
def test_each_function_is_that_of_torch(name, dtype, tolerance):
    numbers = NUMBERS.to(dtype)
    if name in ("sqrt", "log1p"):
        numbers = numbers[~(numbers < 0)]
    expected = getattr(torch.special if name in ("expm1", "erf") else torch, name)(numbers.double()).to(dtype)
    if name == "sign":
        numbers, expected = numbers[:-1], expected[:-1]
    torch.testing.assert_close(computed(name, numbers), expected, rtol=tolerance, atol=1e-37, equal_nan=True)
