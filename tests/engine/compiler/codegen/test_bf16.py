import ctypes

import pytest
import torch

from throughtime.engine.compiler.codegen.bf16 import BF16
from throughtime.engine.compiler.codegen.gemm_source import GEMM
from throughtime.engine.compiler.codegen.prelude import TYPES
from throughtime.engine.compiler.runtime.toolchain import library

READ = r"""
const long k_per_operand = K_PER_OPERAND;
void pairs_of(long count, const real *x, uint32_t *y) {
    for (long k = 0; k < count; k += K_PER_OPERAND) {
        const operand both = load_operand(x + k, 1, count - k);
        memcpy(y + k / K_PER_OPERAND, &both, sizeof both);
    }
}
"""


def pairs_of(numbers):
    functions = library(BF16 + TYPES[torch.float32] + GEMM + READ)
    if ctypes.c_long.in_dll(functions, "k_per_operand").value == 1:
        pytest.skip("this processor has no products of bfloat16")
    found = torch.zeros(-(-len(numbers) // 2), 2, dtype=torch.bfloat16)
    functions.pairs_of(
        ctypes.c_long(len(numbers)), ctypes.c_void_p(numbers.data_ptr()), ctypes.c_void_p(found.data_ptr())
    )
    return found.flatten()


def test_a_number_is_rounded_as_torch_rounds_it():
    generator = torch.Generator().manual_seed(1)
    bits = torch.randint(-(2**31), 2**31, (100_000,), generator=generator, dtype=torch.int64).to(torch.int32)
    numbers = bits.view(torch.float32)
    rounded = pairs_of(numbers)
    expected = numbers.bfloat16()
    assert (rounded.isnan() == expected.isnan()).all()
    known = ~expected.isnan()
    assert (rounded[known] == expected[known]).all()


def test_an_odd_count_is_padded_with_zero():
    assert pairs_of(torch.ones(5)).tolist() == [1, 1, 1, 1, 1, 0]


def test_every_nan_stays_one():
    numbers = torch.tensor([0x7FFFFFFF, 0x7F800001, -1], dtype=torch.int32).view(torch.float32)
    assert pairs_of(numbers)[:3].isnan().all()
