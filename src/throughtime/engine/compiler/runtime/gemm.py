"""Products that are no part of a loop over steps: W x + b for all of them, and the weights' gradients.

Each is one call of C, in which the threads pack the matrix on the right together and then share the rows.
"""

import ctypes
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from throughtime.engine.array_checks import check_array, check_shape
from throughtime.engine.buffer_pool import buffer_pool
from throughtime.engine.compiler.codegen.barrier import MEET, most_threads
from throughtime.engine.compiler.codegen.bf16 import HALVES
from throughtime.engine.compiler.codegen.gemm_source import DEEP, MULTIPLY, SHARE, panels_size
from throughtime.engine.compiler.codegen.prelude import TYPES
from throughtime.engine.compiler.runtime.toolchain import library

SMALL = 1 << 22  # multiplications; fewer are done before other threads have begun

WHOLE = r"""
struct factors {
    long inner, rows, outer, threads;
    const real *x, *w;
    long k_step, j_step;  /* of w in memory */
    const real *start;    /* [outer], or NULL */
    factor *panels;       /* for w */
    factor *stacks;       /* for x, where that is packed too */
    real *y, *sums;
};

/* y [rows, outer] = start + x w, with x [rows, inner]: each thread has its rows, or its columns where rows are few. */
static void row_products_part(const struct factors *f, struct team *team, long thread, long count) {
    const long inner = f->inner, outer = f->outer;
    pack(inner, outer, f->w, f->k_step, f->j_step, f->panels, thread, count);
    meet(team, count);
    if (f->rows >= 2 * TALL * count) {
        const long first = f->rows * thread / count, last = f->rows * (thread + 1) / count;
        multiply(last - first, inner, outer, f->x + first * inner, inner, f->panels, f->start, f->y + first * outer,
                 0, outer);
    } else {
        by_columns(thread, count, f->rows, inner, outer, f->x, inner, f->panels, f->start, f->y);
    }
}
SHARED(factors, row_products)

/* So many columns of x are stacked at a time as stay in a core's caches beside a panel. */
enum { GROUPED = 16 * TALL };

/* TALL columns of x side by side, for deep rows: what a tile reads of them lies in one piece. */
static void stack(long inner, long x_row, const real *x, long wide, factor *stacks) {
    const long deep = PAIRS(inner);
    for (long k0 = 0; k0 < deep; k0 += 16)
        for (long i = 0; i < wide; i += TALL)
            for (long k = k0; k < k0 + 16 && k < deep; ++k) {
                factor *const to = stacks + i * deep + k * TALL;
                const real *const from = x + k * PAIR * x_row + i;
                /* A whole vector is the quickest copy; what is too much of it, the next rows take. */
                if (PAIR == 1 && LONG >= TALL && i + LONG <= wide && k * TALL + LONG <= deep * TALL)
                    *(factors *)to = across(from, x_row, PAIR);
                else
                    for (long c = 0; c < TALL && i + c < wide; ++c) to[c] = one(from + c, x_row, inner - k * PAIR);
            }
}

/* The sum of outer products y [rows, outer] = xᵀ w and the sums of x's columns, with x [inner, rows]. */
static void outer_products_part(const struct factors *f, struct team *team, long thread, long count) {
    const long rows = f->rows, outer = f->outer, blocks = (rows + TALL - 1) / TALL;
    const long first = blocks * thread / count * TALL, end = blocks * (thread + 1) / count * TALL;
    const long last = end < rows ? end : rows, stacked = outer > PANEL || PAIR > 1;
    if (f->sums) memset(f->sums + first, 0, sizeof(real) * (last - first));
    for (long from = 0; from < f->inner || from == 0; from += DEEP) {
        const long deep = f->inner - from < DEEP ? f->inner - from : DEEP;
        const real *const x = f->x + from * rows;
        factor *const stacks = f->stacks + first * PAIRS(deep);
        if (from) meet(team, count);
        pack(deep, outer, f->w + from * f->k_step, f->k_step, f->j_step, f->panels, thread, count);
        for (long k = 0; f->sums && k < deep; ++k)
            for (long i = first; i < last; ++i) f->sums[i] += x[k * rows + i];
        meet(team, count);
        for (long head = first; head < last; head += GROUPED) {
            const long tail = last - head < GROUPED ? last : head + GROUPED;
            if (stacked) stack(deep, rows, x + head, tail - head, stacks);
            for (long j = 0; j < outer; j += PANEL)
                for (long i = head; i < tail; i += TALL) {
                    real *const y = f->y + i * outer + j;
                    const factor *const left = stacked ? stacks + (i - head) * PAIRS(deep) : (const factor *)(x + i);
                    tile(tail - i < TALL ? tail - i : TALL, outer - j, PAIRS(deep), left, 1, stacked ? TALL : rows,
                         f->panels + j * PAIRS(deep), from ? y : 0, outer, y, outer);
                }
        }
    }
}
SHARED(factors, outer_products)
"""


class _Factors(ctypes.Structure):
    """`struct factors`."""

    _fields_ = (
        *((name, ctypes.c_long) for name in ("inner", "rows", "outer", "threads")),
        *((name, ctypes.c_void_p) for name in ("x", "w")),
        *((name, ctypes.c_long) for name in ("k_step", "j_step")),
        *((name, ctypes.c_void_p) for name in ("start", "panels", "stacks", "y", "sums")),
    )


@cache
def _library(precision: torch.dtype, halves: bool) -> ctypes.CDLL:
    return library(
        HALVES * (halves and precision == torch.float32) + TYPES[precision] + MEET + MULTIPLY + SHARE + WHOLE
    )


def row_products(
    left: Float[Tensor, "R N"],
    right: Float[Tensor, "N M"],
    start: Float[Tensor, " M"] | None = None,
    halves: bool = False,
) -> Float[Tensor, "R M"]:
    """start + left right; with `halves` in bfloat16 where the processor can, the sums in single precision.

    Raises:
        CompilerError: there is no C compiler, or it fails.
        RuntimeError: the factors do not fit each other.
    """
    (rows, inner), outer, precision = left.shape, right.shape[1], left.dtype
    left, start = left.contiguous(), None if start is None else start.contiguous()
    check_shape("the right factor", right, (inner, outer))
    _check_factors(left, right)
    if start is not None:
        check_array("what is added to a product", start, precision, outer)
    panels = buffer_pool.empty(panels_size(inner, outer), dtype=precision)
    result = buffer_pool.empty(rows, outer, dtype=precision)
    sizes = inner, rows, outer, _threads(inner * rows * outer)
    addresses = left.data_ptr(), right.data_ptr(), *right.stride()
    begin = None if start is None else start.data_ptr()
    factors = _Factors(*sizes, *addresses, begin, panels.data_ptr(), None, result.data_ptr(), None)
    _library(precision, halves).row_products(ctypes.byref(factors))
    return result


def outer_products(
    left: Float[Tensor, "N R"], right: Float[Tensor, "N M"], sums: bool = False, halves: bool = False
) -> tuple[Float[Tensor, "R M"], Float[Tensor, " R"] | None]:
    """leftᵀ right, and on demand the sum of left's rows; `halves` as in `row_products`.

    Raises:
        CompilerError: there is no C compiler, or it fails.
        RuntimeError: the factors do not fit each other.
    """
    (inner, rows), outer, precision = left.shape, right.shape[1], left.dtype
    left, deep = left.contiguous(), min(inner, DEEP)
    check_shape("the right factor", right, (inner, outer))
    _check_factors(left, right)
    panels = buffer_pool.empty(panels_size(deep, outer), dtype=precision)
    stacks = buffer_pool.empty((rows + 64) * deep, dtype=precision)
    result = buffer_pool.empty(rows, outer, dtype=precision)
    added = torch.empty(rows, dtype=precision) if sums else None
    sizes = inner, rows, outer, _threads(inner * rows * outer)
    addresses = left.data_ptr(), right.data_ptr(), *right.stride(), None, panels.data_ptr(), stacks.data_ptr()
    last = None if added is None else added.data_ptr()
    factors = _Factors(*sizes, *addresses, result.data_ptr(), last)
    _library(precision, halves).outer_products(ctypes.byref(factors))
    return result, added


def _check_factors(left: Tensor, right: Tensor) -> None:
    """Of two matrices of agreeing sizes: the left one is read without strides."""
    if left.dtype not in TYPES:
        raise RuntimeError(f"expected factors in single or double precision, got {left.dtype}")
    check_array("the left factor", left, left.dtype, left.numel())
    check_array("the right factor", right, left.dtype, right.numel(), contiguous=False)


def _threads(multiplications: int) -> int:
    return 1 if multiplications < SMALL else most_threads()
