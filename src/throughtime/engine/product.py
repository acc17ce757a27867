"""The product of rows with a weight, in C: the one part of an emitted file that is no plain loop.

A weight is packed into panels of as many columns as fit the processor's vector registers with a few rows of sums,
so that the inner loop reads it in order. The vectors are those of GCC and clang, so the same text serves every
processor. (The scheme is that of Goto & van de Geijn 2008, ACM TOMS 34:12.) BLAS would do the same, but the one in
torch leaves half of some processors unused.
"""

import ctypes
import os

import torch
from jaxtyping import Float
from torch import Tensor

from throughtime.engine.compiler import library
from throughtime.engine.pool import memory
from throughtime.engine.prelude import TYPES

MULTIPLY = r"""
#if defined(__AVX512F__)
enum { BYTES = 64, TALL = 6, WIDE = 4 };
#elif defined(__AVX__)
enum { BYTES = 32, TALL = 6, WIDE = 2 };
#else
enum { BYTES = 16, TALL = 6, WIDE = 2 };
#endif
enum { LONG = BYTES / sizeof(real), PANEL = WIDE * LONG, DEEP = 512 };
typedef real vector __attribute__((vector_size(BYTES), aligned(sizeof(real)), may_alias));

/* ROWS rows of x times one panel: y, or y += when there is more to add to. */
#define TILE(ROWS)                                                                                              \
    static void tile##ROWS(long inner, const real *x, long i_step, long k_step, const real *w, real *y,         \
                           long y_row, int more) {                                                              \
        vector sum[ROWS][WIDE];                                                                                 \
        for (int i = 0; i < ROWS; ++i)                                                                          \
            for (int v = 0; v < WIDE; ++v)                                                                      \
                sum[i][v] = more ? *(const vector *)(y + i * y_row + v * LONG) : (vector){0};                   \
        for (long k = 0; k < inner; ++k)                                                                        \
            for (int v = 0; v < WIDE; ++v) {                                                                    \
                const vector column = *(const vector *)(w + k * PANEL + v * LONG);                              \
                for (int i = 0; i < ROWS; ++i) sum[i][v] += x[i * i_step + k * k_step] * column;                \
            }                                                                                                   \
        for (int i = 0; i < ROWS; ++i)                                                                          \
            for (int v = 0; v < WIDE; ++v) *(vector *)(y + i * y_row + v * LONG) = sum[i][v];                   \
    }
TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)
typedef void tile(long, const real *, long, long, const real *, real *, long, int);
static tile *const tiles[] = {0, tile1, tile2, tile3, tile4, tile5, tile6};

/* y [rows, outer] = x w, with x [rows, inner] in memory x[i * i_step + k * k_step] and w in panels. */
static void multiply(long rows, long inner, long outer, const real *x, long i_step, long k_step, const real *w,
                     real *y) {
    const long blocks = (rows + TALL - 1) / TALL;
    for (long from = 0; from < inner; from += DEEP) {
        const long deep = inner - from < DEEP ? inner - from : DEEP;
        for (long j = 0; j < outer; j += PANEL) {
            const real *const columns = w + j * inner + from * PANEL;
            const long wide = outer - j < PANEL ? outer - j : PANEL;
            for (long block = 0; block < blocks; ++block) {
                const long first = rows * block / blocks, tall = rows * (block + 1) / blocks - first;
                const real *const left = x + first * i_step + from * k_step;
                real *const target = y + first * outer + j;
                if (wide == PANEL) {
                    tiles[tall](deep, left, i_step, k_step, columns, target, outer, from > 0);
                    continue;
                }
                real edge[TALL * PANEL];
                if (from > 0)
                    for (long i = 0; i < tall; ++i) memcpy(edge + i * PANEL, target + i * outer, sizeof(real) * wide);
                tiles[tall](deep, left, i_step, k_step, columns, edge, PANEL, from > 0);
                for (long i = 0; i < tall; ++i) memcpy(target + i * outer, edge + i * PANEL, sizeof(real) * wide);
            }
        }
    }
}
"""

WHOLE = r"""
const long panel = PANEL;

/* The panels of w [inner, outer], in memory w[k * k_step + j * j_step]; the last one is filled up with zeros. */
void pack(long inner, long outer, const real *w, long k_step, long j_step, real *panels) {
    for (long from = 0; from < outer; from += PANEL)
        for (long k0 = 0; k0 < inner; k0 += 16)
            for (long j = 0; j < PANEL; ++j)
                for (long k = k0; k < k0 + 16 && k < inner; ++k)
                    panels[from * inner + k * PANEL + j] =
                        from + j < outer ? w[k * k_step + (from + j) * j_step] : (real)0;
}

/* y [rows, outer] = x w, with x [rows, inner] and w [inner, outer] in panels. */
void row_products(long inner, long rows, long outer, const real *x, const real *w, real *y, long threads) {
    if (threads == 1) {
        multiply(rows, inner, outer, x, inner, 1, w, y);
    } else {
#pragma omp parallel num_threads(threads)
        {
            const long thread = omp_get_thread_num(), count = omp_get_num_threads();
            const long first = rows * thread / count, last = rows * (thread + 1) / count;
            multiply(last - first, inner, outer, x + first * inner, inner, 1, w, y + first * outer);
        }
    }
}

/* The sum of outer products y [rows, outer] = xᵀ w, with x [inner, rows] and w [inner, outer] in panels. */
void outer_products(long inner, long rows, long outer, const real *x, const real *w, real *y, long threads) {
    if (threads == 1) {
        multiply(rows, inner, outer, x, 1, rows, w, y);
    } else {
#pragma omp parallel num_threads(threads)
        {
            const long thread = omp_get_thread_num(), count = omp_get_num_threads();
            const long first = rows * thread / count, last = rows * (thread + 1) / count;
            multiply(last - first, inner, outer, x + first, 1, rows, w, y + first * outer);
        }
    }
}
"""

_forked = False


def _after_fork() -> None:
    # The threads of a parent that has used OpenMP are not there in its child.
    global _forked
    _forked = True


os.register_at_fork(after_in_child=_after_fork)


def threads_for(parts: int) -> int:
    """How many threads to use for work that can be cut into so many parts."""
    return 1 if _forked else max(1, min(torch.get_num_threads(), parts))


def _library(precision: torch.dtype) -> ctypes.CDLL:
    return library(TYPES[precision] + MULTIPLY + WHOLE)


def pack(matrix: Float[Tensor, "N M"]) -> Float[Tensor, " _"]:
    """A matrix in panels, whatever the order of its memory."""
    functions = _library(matrix.dtype)
    inner, outer = matrix.shape
    panel = ctypes.c_long.in_dll(functions, "panel").value
    packed = memory.empty(-(-outer // panel) * inner * panel, dtype=matrix.dtype)
    rows, columns = matrix.stride()
    functions.pack(*_longs(inner, outer), _address(matrix), *_longs(rows, columns), _address(packed))
    return packed


def row_products(left: Float[Tensor, "R N"], right: Float[Tensor, "N M"]) -> Float[Tensor, "R M"]:
    """left right.

    Raises:
        CompilerError: there is no C compiler, or it fails.
    """
    rows, inner = left.shape
    return _product("row_products", inner, rows, left, right)


def outer_products(left: Float[Tensor, "N R"], right: Float[Tensor, "N M"]) -> Float[Tensor, "R M"]:
    """leftᵀ right.

    Raises:
        CompilerError: there is no C compiler, or it fails.
    """
    inner, rows = left.shape
    return _product("outer_products", inner, rows, left, right)


def _product(name: str, inner: int, rows: int, left: Tensor, right: Tensor) -> Tensor:
    left, panels, outer = left.contiguous(), pack(right), right.shape[1]
    result = memory.empty(rows, outer, dtype=left.dtype)
    sizes, tensors = _longs(inner, rows, outer), map(_address, (left, panels, result))
    getattr(_library(left.dtype), name)(*sizes, *tensors, *_longs(threads_for(rows)))
    return result


def _longs(*numbers: int) -> list[ctypes.c_long]:
    return [ctypes.c_long(number) for number in numbers]


def _address(tensor: Tensor) -> ctypes.c_void_p:
    return ctypes.c_void_p(tensor.data_ptr())
