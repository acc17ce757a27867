"""Matrix product (GEMM) in C: packing, micro-kernels and blocking for the processor's caches and vector registers.

B is packed into micro-panels of NR columns, so that the micro-kernel, which holds MR × NR sums in vector registers,
reads it in order, KC rows at a time (Goto & van de Geijn 2008, ACM TOMS 34:12; Van Zee & van de Geijn 2015, BLIS, ACM
TOMS 41:14). The BLAS in torch does the same but leaves half of some processors unused.
"""

import torch

from throughtime.engine.compiler.codegen.bf16 import BF16, OPERANDS
from throughtime.engine.compiler.codegen.prelude import TYPES

KC = 512  # rows of a micro-panel that a micro-kernel goes through at once

GEMM_DECLARATIONS = (
    f"\nenum {{ KC = {KC} }};"
    + OPERANDS
    + r"""
/* C = bias + A B for the columns first ... last - 1 of C [m, n], with A [m, k] and packed B [k, n]. */
__attribute__((visibility("hidden")))
void gemm(long m, long k, long n, const real *a, long lda, const operand *packed_b, const real *bias, real *c,
          long first, long last);
/* Pack B [k, n], in memory b[p * k_stride + j * column_stride], into micro-panels: the share of one of `threads`
   threads. The last panel is padded with zeros. */
__attribute__((visibility("hidden")))
void pack_b(long k, long n, const real *b, long k_stride, long column_stride, operand *packed_b, long thread,
            long threads);
"""
)
"""What a file that calls `gemm` and `pack_b` needs; the number type must be defined."""

GEMM = (
    GEMM_DECLARATIONS
    + r"""
#if defined(BF16) && defined(__AVX512BF16__)
#include <immintrin.h>
#endif
/* Micro-kernel: C = base + A B for M rows of C and one micro-panel of NR columns, as many vectors of it at a time as
   leave registers for all the sums; base is 0 where it is NULL. */
#define MICROKERNEL(M, VECTORS)                                                                                 \
    static void microkernel##M(long k, const operand *a, long row_stride, long k_stride, const operand *b,      \
                               const real *base, long ld_base, real *c, long ldc) {                             \
        for (int j = 0; j < NR; j += (VECTORS) * VL) {                                                          \
            accumulator sum[M][VECTORS];                                                                        \
            for (int i = 0; i < M; ++i)                                                                         \
                for (int v = 0; v < VECTORS; ++v)                                                               \
                    sum[i][v] =                                                                                 \
                        base ? (accumulator)*(const vector *)(base + i * ld_base + j + v * VL) : (accumulator){0}; \
            for (long p = 0; p < k; ++p) {                                                                      \
                operand_vector columns[VECTORS];                                                                \
                for (int v = 0; v < VECTORS; ++v) columns[v] = *(const operand_vector *)(b + p * NR + j + v * VL); \
                for (int i = 0; i < M; ++i)                                                                     \
                    for (int v = 0; v < VECTORS; ++v)                                                           \
                        MULTIPLY_ADD(sum[i][v], a[i * row_stride + p * k_stride], columns[v]);                  \
            }                                                                                                   \
            for (int i = 0; i < M; ++i)                                                                         \
                for (int v = 0; v < VECTORS; ++v) *(vector *)(c + i * ldc + j + v * VL) = (vector)sum[i][v];     \
        }                                                                                                       \
    }
MICROKERNEL(1, NR_VECTORS) MICROKERNEL(2, NR_VECTORS) MICROKERNEL(3, NR_VECTORS)
MICROKERNEL(4, NR_VECTORS) MICROKERNEL(5, NR_VECTORS) MICROKERNEL(6, NR_VECTORS)
MICROKERNEL(7, NR_VECTORS / 2) MICROKERNEL(8, NR_VECTORS / 2) MICROKERNEL(9, NR_VECTORS / 2)
MICROKERNEL(10, NR_VECTORS / 2) MICROKERNEL(11, NR_VECTORS / 2) MICROKERNEL(12, NR_VECTORS / 2)
typedef void microkernel(long, const operand *, long, long, const operand *, const real *, long, real *, long);
static microkernel *const microkernels[] = {
    0,            microkernel1, microkernel2, microkernel3,  microkernel4,  microkernel5, microkernel6,
    microkernel7, microkernel8, microkernel9, microkernel10, microkernel11, microkernel12};

/* Micro-tile: the micro-kernel for m <= 2 MR rows and the first n columns of a micro-panel; fewer than NR columns go
   through a scratch buffer. */
static inline void micro_tile(long m, long n, long k, const operand *a, long row_stride, long k_stride,
                              const operand *b, const real *base, long ld_base, real *c, long ldc) {
    if (n >= NR) {
        microkernels[m](k, a, row_stride, k_stride, b, base, ld_base, c, ldc);
        return;
    }
    real edge[2 * MR * NR] = {0};
    for (long i = 0; base && i < m; ++i) memcpy(edge + i * NR, base + i * ld_base, sizeof(real) * n);
    microkernels[m](k, a, row_stride, k_stride, b, edge, NR, edge, NR);
    for (long i = 0; i < m; ++i) memcpy(c + i * ldc, edge + i * NR, sizeof(real) * n);
}

void gemm(long m, long k, long n, const real *a, long lda, const operand *packed_b, const real *bias, real *c,
          long first, long last) {
    /* Few rows use higher micro-tiles, so that the micro-panels are read once or twice only. */
    const long max_mr = m <= 4 * MR ? 2 * MR : MR;
    const long blocks = (m + max_mr - 1) / max_mr, panel_size = K_OPERANDS(k) * NR;
    for (long pc = 0; pc < k || pc == 0; pc += KC) {
        const long kc = k - pc < KC ? k - pc : KC;
        for (long head = 0; head < blocks; head += MC_BLOCKS) {
            const long end = head + MC_BLOCKS < blocks ? head + MC_BLOCKS : blocks, ic = m * head / blocks;
            DECLARE_A(left, m * end / blocks - ic, kc, a + ic * lda + pc, lda);
            for (long j = first; j < last; j += NR)
                for (long block = head; block < end; ++block) {
                    const long i = m * block / blocks, mr = m * (block + 1) / blocks - i;
                    real *const target = c + i * n + j;
                    const real *const base = pc ? target : bias ? bias + j : 0;
                    micro_tile(mr, n - j, K_OPERANDS(kc), left + (i - ic) * left_ld, left_ld, 1,
                               packed_b + j / NR * panel_size + pc / K_PER_OPERAND * NR, base, pc ? n : 0, target, n);
                }
        }
    }
}

/* Transpose VL x VL operands into a micro-panel: its row p is the p-th operand of b + j * column_stride for j < VL. */
static inline void transpose_block(const real *b, long column_stride, operand *panel) {
#if !defined(__clang__)
    operand_vector rows[VL];
    UNROLL for (int j = 0; j < VL; ++j) rows[j] = load_along_k(b + j * column_stride);
    shuffle_mask left, right;
    UNROLL for (int bit = 1; bit < VL; bit *= 2) {
        UNROLL for (int j = 0; j < VL; ++j) {
            left[j] = j & bit ? VL + j - bit : j;
            right[j] = j & bit ? VL + j : j + bit;
        }
        UNROLL for (int j = 0; j < VL; ++j) {
            if (j & bit) continue;
            const operand_vector low = rows[j], high = rows[j + bit];
            rows[j] = __builtin_shuffle(low, high, left), rows[j + bit] = __builtin_shuffle(low, high, right);
        }
    }
    UNROLL for (int p = 0; p < VL; ++p) *(operand_vector *)(panel + p * NR) = rows[p];
#else
    for (int p = 0; p < VL; ++p)
        for (int j = 0; j < VL; ++j)
            panel[p * NR + j] = load_operand(b + p * K_PER_OPERAND + j * column_stride, 1, K_PER_OPERAND);
#endif
}

void pack_b(long k, long n, const real *b, long k_stride, long column_stride, operand *packed_b, long thread,
            long threads) {
    const long rows = K_OPERANDS(k), blocks = (rows + VL - 1) / VL, first = blocks * thread / threads * VL;
    const long end = blocks * (thread + 1) / threads * VL, last = end < rows ? end : rows;
    for (long jc = 0; jc < n; jc += NR) {
        operand *const panel = packed_b + jc * rows;
        const real *const columns = b + jc * column_stride;
        if (column_stride == 1 && n - jc >= NR) {
            for (long p = first; p < last; ++p)
                for (int v = 0; v < NR; v += VL)
                    *(operand_vector *)(panel + p * NR + v) =
                        load_across_k(columns + p * K_PER_OPERAND * k_stride + v, k_stride, k - p * K_PER_OPERAND);
            continue;
        }
        for (long j = 0; j < NR; j += VL)
            for (long p = first; p < last; p += VL)
                if (k_stride == 1 && (p + VL) * K_PER_OPERAND <= k && jc + j + VL <= n)
                    transpose_block(columns + p * K_PER_OPERAND + j * column_stride, column_stride, panel + p * NR + j);
                else
                    for (long row = p; row < last && row < p + VL; ++row)
                        for (long column = j; column < j + VL; ++column)
                            panel[row * NR + column] =
                                jc + column < n
                                    ? load_operand(columns + row * K_PER_OPERAND * k_stride + column * column_stride,
                                                   k_stride, k - row * K_PER_OPERAND)
                                    : (operand)0;
    }
}
"""
)
"""`gemm`, `pack_b` and what they consist of; the number type must be defined."""


def gemm_file(precision: torch.dtype, bf16: bool = False) -> str:
    """The C file that defines `gemm` and `pack_b`: one for all kernels of a number type."""
    return BF16 * bf16 + TYPES[precision] + GEMM


PARALLEL = r"""
/* Define `name`(struct `type` *): runs `name`_thread in each of the threads. */
#define PARALLEL(type, name)                                                                                    \
    void name(const struct type *args) {                                                                        \
        struct barrier barrier = {0, 0};                                                                        \
        if (args->threads == 1) {                                                                               \
            name##_thread(args, &barrier, 0, 1);                                                                \
        } else {                                                                                                \
            _Pragma("omp parallel num_threads(args->threads)")                                                  \
            name##_thread(args, &barrier, omp_get_thread_num(), omp_get_num_threads());                         \
        }                                                                                                       \
    }

/* C [m, n] = bias + A B by all threads, which divide the columns. */
static void gemm_by_columns(long thread, long threads, long m, long k, long n, const real *a, long lda,
                            const operand *packed_b, const real *bias, real *c) {
    const long panels = (n + NR - 1) / NR;
    const long first = panels * thread / threads * NR, end = panels * (thread + 1) / threads * NR;
    gemm(m, k, n, a, lda, packed_b, bias, c, first, end < n ? end : n);
}
"""
"""The entry point of functions that several threads run, and the GEMM whose columns they divide."""

STEP_GEMM = r"""
/* C [lanes, n] = A B within a step: the threads divide the columns for all lanes, or each has its own lanes. */
static void step_gemm(const struct pass_args *args, struct barrier *barrier, long thread, long threads, long k,
                      long n, const real *a, long lda, const operand *packed_b, real *c) {
    if (args->by_columns) {
        barrier_wait(barrier, threads);
        gemm_by_columns(thread, threads, args->lanes, k, n, a, lda, packed_b, 0, c);
        barrier_wait(barrier, threads);
    } else {
        const long first = args->lanes * thread / threads, last = args->lanes * (thread + 1) / threads;
        gemm(last - first, k, n, a + first * lda, lda, packed_b, 0, c + first * n, 0, n);
    }
}
"""
"""The matrix product of a step; `struct pass_args` must be defined."""
