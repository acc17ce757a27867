"""Matrix products outside of the loop over steps: A B + bias for all steps at once, and the weights' gradients Aᵀ B.

Each product is one call of C, in which the threads pack B together and then divide the rows of C.
"""

import ctypes
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from throughtime.engine.buffer_pool import buffer_pool, scratch_buffer
from throughtime.engine.compiler.codegen.barrier import BARRIER
from throughtime.engine.compiler.codegen.bf16 import BF16
from throughtime.engine.compiler.codegen.gemm_source import GEMM, MAX_KC, PARALLEL
from throughtime.engine.compiler.codegen.prelude import TYPES
from throughtime.engine.compiler.runtime.array_checks import check_array, check_shape
from throughtime.engine.compiler.runtime.threads import max_threads
from throughtime.engine.compiler.runtime.toolchain import library
from throughtime.engine.compiler.schedule.arrays import packed_size

MIN_PARALLEL = 1 << 22  # multiplications; fewer are done before other threads have started

ENTRY_POINTS = r"""
struct gemm_args {
    long k, m, n, threads;
    const real *a, *b;
    long k_stride, column_stride;  /* of b in memory */
    const real *bias;              /* [n], or NULL */
    operand *packed_b;
    real *c, *column_sums;
};

/* C [m, n] = bias + A B with A [m, k]: the threads divide the rows, or the columns where rows are few. */
static void row_products_thread(const struct gemm_args *args, struct barrier *barrier, long thread, long threads) {
    const long k = args->k, n = args->n;
    pack_b(k, n, args->b, args->k_stride, args->column_stride, args->packed_b, thread, threads);
    barrier_wait(barrier, threads);
    if (args->m >= 2 * MR * threads) {
        const long first = args->m * thread / threads, last = args->m * (thread + 1) / threads;
        gemm(last - first, k, n, args->a + first * k, k, args->packed_b, args->bias, args->c + first * n, 0, n);
    } else {
        gemm_by_columns(thread, threads, args->m, k, n, args->a, k, args->packed_b, args->bias, args->c);
    }
}
PARALLEL(gemm_args, row_products)

/* Pack `columns` columns of A [k, m], with `available` columns up to the end of a row, into micro-panels of MR columns,
   of which as even numbers as can be are used, so that a micro-kernel reads A in order. */
static void pack_a(long k, long lda, const real *a, long columns, long available, operand *packed_a) {
    const long rows = K_OPERANDS(k), blocks = (columns + MR - 1) / MR, low = columns / blocks, more = columns % blocks;
    for (long pc = 0; pc < rows; pc += 16)
        for (long block = 0, i = 0, mr; block < blocks; ++block, i += mr) {
            operand *const panel = packed_a + block * MR * rows;
            const long end = pc + 16 < rows ? pc + 16 : rows, whole = rows - (VL + MR - 1) / MR + 1;
            long p = pc;
            mr = low + (block < more);
            /* A whole vector is the fastest copy; the next rows overwrite the operands beyond MR. Rows are too far
               apart for the processor to fetch them ahead by itself. */
            if (VL >= MR && i + VL <= available)
                for (; p < end && p < whole; ++p) {
                    const real *const from = a + p * K_PER_OPERAND * lda + i;
                    __builtin_prefetch(from + 16 * lda, 0, 2);
                    *(operand_vector *)(panel + p * MR) = load_across_k(from, lda, k - p * K_PER_OPERAND);
                }
            for (; p < end; ++p)
                for (long r = 0; r < mr; ++r)
                    panel[p * MR + r] =
                        load_operand(a + p * K_PER_OPERAND * lda + i + r, lda, k - p * K_PER_OPERAND);
        }
}

/* C [m, n] = A^T B and the sums of A's columns, with A [k, m]. */
static void outer_products_thread(const struct gemm_args *args, struct barrier *barrier, long thread, long threads) {
    const long m = args->m, n = args->n, first = m * thread / threads, last = m * (thread + 1) / threads;
    const long groups = (last - first + MC - 1) / MC, packs_a = n > NR || K_PER_OPERAND > 1;
    const long height = groups > 1 ? (last - first + groups - 1) / groups : last - first;
    operand packed_a[MC * KC / K_PER_OPERAND];
    if (args->column_sums) memset(args->column_sums + first, 0, sizeof(real) * (last - first));
    for (long pc = 0; pc < args->k || pc == 0; pc += KC) {
        const long kc = args->k - pc < KC ? args->k - pc : KC;
        const real *const a = args->a + pc * m;
        if (pc) barrier_wait(barrier, threads);
        pack_b(kc, n, args->b + pc * args->k_stride, args->k_stride, args->column_stride, args->packed_b, thread,
               threads);
        for (long p = 0; args->column_sums && p < kc; ++p)
            for (long i = first; i < last; ++i) args->column_sums[i] += a[p * m + i];
        barrier_wait(barrier, threads);
        for (long ic = first; ic < last; ic += height) {
            const long mc = last - ic < height ? last - ic : height, blocks = (mc + MR - 1) / MR;
            const long low = mc / blocks, more = mc % blocks, nr = tile_columns(low + (more > 0));
            if (packs_a) pack_a(kc, m, a + ic, mc, m - ic, packed_a);
            for (long j = 0; j < n; j += nr)
                for (long block = 0, i = 0, mr; block < blocks; ++block, i += mr) {
                    real *const c = args->c + (ic + i) * n + j;
                    const operand *const left =
                        packs_a ? packed_a + block * MR * K_OPERANDS(kc) : (const operand *)(a + ic + i);
                    mr = low + (block < more);
                    micro_tile(mr, n - j, K_OPERANDS(kc), left, 1, packs_a ? MR : m,
                               args->packed_b + j * K_OPERANDS(kc), pc ? c : 0, n, c, n, 0);
                }
        }
    }
}
PARALLEL(gemm_args, outer_products)
"""


class _GemmArguments(ctypes.Structure):
    """`struct gemm_args`."""

    _fields_ = (
        *((name, ctypes.c_long) for name in ("k", "m", "n", "threads")),
        *((name, ctypes.c_void_p) for name in ("a", "b")),
        *((name, ctypes.c_long) for name in ("k_stride", "column_stride")),
        *((name, ctypes.c_void_p) for name in ("bias", "packed_b", "c", "column_sums")),
    )


@cache
def _library(precision: torch.dtype, bf16: bool) -> ctypes.CDLL:
    flag = BF16 * (bf16 and precision == torch.float32)
    return library(flag + TYPES[precision] + BARRIER + GEMM + PARALLEL + ENTRY_POINTS)


def row_products(
    left: Float[Tensor, "M K"],
    right: Float[Tensor, "K N"],
    bias: Float[Tensor, " N"] | None = None,
    bf16: bool = False,
) -> Float[Tensor, "M N"]:
    """left right + bias.

    Args:
        left, right: the operands; `right` may have any strides.
        bias: a row that is added to each row of the product.
        bf16: whether the operands are rounded to bfloat16, where the processor can; sums are in single precision.

    Raises:
        CompilerError: there is no C compiler, or it fails.
        RuntimeError: the shapes or types of the operands do not agree.
    """
    (m, k), n, precision = left.shape, right.shape[1], left.dtype
    left, bias = left.contiguous(), None if bias is None else bias.contiguous()
    check_shape("the right operand", right, (k, n))
    _check_operands(left, right)
    if bias is not None:
        check_array("the bias", bias, precision, n)
    packed_b = scratch_buffer.address(packed_size(k, n) * precision.itemsize)
    result = buffer_pool.empty(m, n, dtype=precision)
    sizes = k, m, n, _threads(k * m * n)
    operands = left.data_ptr(), right.data_ptr(), *right.stride()
    bias_address = None if bias is None else bias.data_ptr()
    arguments = _GemmArguments(*sizes, *operands, bias_address, packed_b, result.data_ptr(), None)
    _library(precision, bf16).row_products(ctypes.byref(arguments))
    return result


def outer_products(
    left: Float[Tensor, "K M"], right: Float[Tensor, "K N"], column_sums: bool = False, bf16: bool = False
) -> tuple[Float[Tensor, "M N"], Float[Tensor, " M"] | None]:
    """leftᵀ right, the sum of K outer products, and if asked for, the sums of left's columns.

    Args:
        left, right: the operands; `right` may have any strides.
        column_sums: whether the sums are wanted; the second result is None otherwise.
        bf16: as for `row_products`.

    Raises:
        CompilerError: there is no C compiler, or it fails.
        RuntimeError: the shapes or types of the operands do not agree.
    """
    (k, m), n, precision = left.shape, right.shape[1], left.dtype
    left = left.contiguous()
    check_shape("the right operand", right, (k, n))
    _check_operands(left, right)
    packed_b = scratch_buffer.address(packed_size(min(k, MAX_KC), n) * precision.itemsize)
    result = buffer_pool.empty(m, n, dtype=precision)
    sums = torch.empty(m, dtype=precision) if column_sums else None
    sizes = k, m, n, _threads(k * m * n)
    operands = left.data_ptr(), right.data_ptr(), *right.stride(), None, packed_b
    sums_address = None if sums is None else sums.data_ptr()
    arguments = _GemmArguments(*sizes, *operands, result.data_ptr(), sums_address)
    _library(precision, bf16).outer_products(ctypes.byref(arguments))
    return result, sums


def _check_operands(left: Tensor, right: Tensor) -> None:
    """Check two matrices whose sizes agree; the C reads the left one without strides."""
    if left.dtype not in TYPES:
        raise RuntimeError(f"expected operands in single or double precision, got {left.dtype}")
    check_array("the left operand", left, left.dtype, left.numel())
    check_array("the right operand", right, left.dtype, right.numel(), contiguous=False)


def _threads(multiplications: int) -> int:
    return 1 if multiplications < MIN_PARALLEL else max_threads()
