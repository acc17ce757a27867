import ctypes

import pytest
import torch

from throughtime.engine.compiler.codegen.gemm_source import MULTIPLY, panels_size
from throughtime.engine.compiler.codegen.prelude import TYPES
from throughtime.engine.compiler.runtime.toolchain import library

UNPACK = r"""
void packed(long inner, long outer, const real *w, long k_step, long j_step, real *panels, long count) {
    for (long thread = 0; thread < count; ++thread)
        pack(inner, outer, w, k_step, j_step, panels, thread, count);
}
void read(long inner, long outer, const real *panels, real *w) {
    for (long k = 0; k < inner; ++k)
        for (long j = 0; j < outer; ++j) w[k * outer + j] = panels[j / PANEL * PANEL * inner + k * PANEL + j % PANEL];
}
"""


def longs(*numbers: int) -> list[ctypes.c_long]:
    return [ctypes.c_long(number) for number in numbers]


def address(tensor: torch.Tensor) -> ctypes.c_void_p:
    return ctypes.c_void_p(tensor.data_ptr())


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("shape", [(1, 1), (5, 17), (64, 64), (50, 130)])
def test_panels_are_the_matrix_whatever_the_order_of_its_memory(shape, threads, turned, precision):
    inner, outer = shape
    matrix = torch.arange(1.0, inner * outer + 1, dtype=precision).view(shape)
    if turned:
        matrix = matrix.t().contiguous().t()
    functions = library(TYPES[precision] + MULTIPLY + UNPACK)
    panels, found = torch.zeros(panels_size(*shape), dtype=precision), torch.empty(shape, dtype=precision)
    functions.packed(
        *longs(*shape), address(matrix), *longs(*matrix.stride()), address(panels), *longs(threads)
    )
    functions.read(*longs(*shape), address(panels), address(found))
    assert torch.equal(found, matrix)
    assert panels.sum() == matrix.sum()  # what fills up the last panel is 0
