import ctypes
import re

import pytest
import torch

from throughtime.engine.compiler.codegen.gemm_source import (
    DEFAULT_CACHE_BYTES,
    GEMM,
    MAX_BLOCK,
    MAX_KC,
    cache_bytes,
)
from throughtime.engine.compiler.codegen.prelude import TYPES
from throughtime.engine.compiler.runtime.toolchain import library
from throughtime.engine.compiler.schedule.arrays import MAX_NR, packed_size

UNPACK = r"""
const long nr = NR;
void pack_all(long k, long n, const real *b, long k_stride, long column_stride, real *packed, long threads) {
    for (long thread = 0; thread < threads; ++thread)
        pack_b(k, n, b, k_stride, column_stride, packed, thread, threads);
}
void unpack(long k, long n, const real *packed, real *b) {
    for (long p = 0; p < k; ++p)
        for (long j = 0; j < n; ++j) b[p * n + j] = packed[j / NR * NR * k + p * NR + j % NR];
}
"""


def longs(*numbers: int) -> list[ctypes.c_long]:
    return [ctypes.c_long(number) for number in numbers]


def address(tensor: torch.Tensor) -> ctypes.c_void_p:
    return ctypes.c_void_p(tensor.data_ptr())


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("shape", [(1, 1), (5, 17), (64, 64), (50, 130)])
def test_packing_keeps_the_matrix_for_any_strides_and_threads(shape, threads, transposed, precision):
    k, n = shape
    matrix = torch.arange(1.0, k * n + 1, dtype=precision).view(shape)
    if transposed:
        matrix = matrix.t().contiguous().t()
    functions = library(TYPES[precision] + GEMM + UNPACK)
    packed, found = torch.zeros(packed_size(*shape), dtype=precision), torch.empty(shape, dtype=precision)
    functions.pack_all(
        *longs(*shape), address(matrix), *longs(*matrix.stride()), address(packed), *longs(threads)
    )
    functions.unpack(*longs(*shape), address(packed), address(found))
    assert torch.equal(found, matrix)
    assert packed.sum() == matrix.sum()  # the padding of the last micro-panel is 0


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_no_processor_has_wider_micro_panels_than_are_allocated(precision):
    functions = library(TYPES[precision] + GEMM + UNPACK)
    assert 0 < ctypes.c_long.in_dll(functions, "nr").value <= MAX_NR


@pytest.mark.parametrize(
    ("level", "files", "expected"),
    [
        (1, {"level": "1", "type": "Data", "size": "48K"}, 48 << 10),
        (2, {"level": "2", "type": "Unified", "size": "2M"}, 2 << 20),
        (1, {"level": "1", "type": "Instruction", "size": "64K"}, DEFAULT_CACHE_BYTES[1]),
        (2, {"level": "2", "type": "Unified"}, DEFAULT_CACHE_BYTES[2]),
    ],
)
def test_cache_sizes_are_read_from_the_system(level, files, expected, tmp_path):
    (tmp_path / "index0").mkdir()
    for name, text in files.items():
        (tmp_path / "index0" / name).write_text(text + "\n")
    assert cache_bytes(level, tmp_path) == expected


BLOCKS = "\nconst long sizes[] = {MR, NR, KC, MC, KC * MC * (long)sizeof(real)};\n"


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
@pytest.mark.parametrize(("first", "second"), [(16, 128), (32, 256), (32, 1024), (128, 12288)])
def test_blocks_fit_the_caches(first, second, precision):
    sizes = re.sub(
        r"L1_BYTES = \d+, L2_BYTES = \d+", f"L1_BYTES = {first << 10}, L2_BYTES = {second << 10}", GEMM
    )
    mr, nr, kc, mc, block = (ctypes.c_long * 5).in_dll(library(TYPES[precision] + sizes + BLOCKS), "sizes")
    assert 64 <= kc <= MAX_KC
    assert kc % 16 == 0  # whole pairs of bfloat16 numbers
    assert mc % mr == 0
    assert mc >= 4 * mr
    assert mc == 4 * mr or block <= min(second << 8, MAX_BLOCK)
    assert nr <= MAX_NR
