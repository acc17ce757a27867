"""Matrix product (GEMM) in C: packing, micro-kernels and blocking for the processor's caches and vector registers.

B is packed into micro-panels of NR columns, so that the micro-kernel, which holds MR × NR sums in vector registers,
reads it in order, KC rows at a time (Goto & van de Geijn 2008, ACM TOMS 34:12; Van Zee & van de Geijn 2015, BLIS, ACM
TOMS 41:14). The sizes of blocks follow those of the caches, and the sizes of micro-tiles the vector registers, so that
one text serves every processor. Each number of C is summed in the order of k whatever the sizes, and does not depend on
them.
"""

from pathlib import Path

import torch

from throughtime.engine.compiler.codegen.bf16 import BF16, OPERANDS
from throughtime.engine.compiler.codegen.prelude import TYPES

CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
DEFAULT_CACHE_BYTES = {1: 32 << 10, 2: 512 << 10}
"""The sizes of caches that the system does not tell, by level."""


def cache_bytes(level: int, folder: Path = CACHES) -> int:
    """The size of a core's data cache.

    Args:
        level: 1 or 2.
        folder: where the system describes the caches, `index*/{level,type,size}`.
    """
    for cache in sorted(folder.glob("index*")):
        try:
            of_cache, kind, size = ((cache / name).read_text().strip() for name in ("level", "type", "size"))
        except OSError:
            continue
        if (
            of_cache == str(level)
            and kind in ("Data", "Unified")
            and size[:-1].isdecimal()
            and size[-1] in "KM"
        ):
            return int(size[:-1]) << {"K": 10, "M": 20}[size[-1]]
    return DEFAULT_CACHE_BYTES[level]


MAX_KC = 512  # rows of a micro-panel that a micro-kernel goes through at once, at most
MAX_BLOCK = 1 << 18  # bytes of a block of A, which a thread has on its stack, at most

GEMM_DECLARATIONS = (
    f"""
enum {{ MAX_KC = {MAX_KC}, MAX_BLOCK = {MAX_BLOCK}, L1_BYTES = {cache_bytes(1)}, L2_BYTES = {cache_bytes(2)} }};"""
    + OPERANDS
    + r"""
/* C = bias + A B for the columns first ... last - 1 of C [m, n], with A [m, k] and packed B [k, n]. */
__attribute__((visibility("hidden")))
void gemm(long m, long k, long n, const real *a, long lda, const operand *packed_b, const real *bias, real *c,
          long first, long last);
/* Pack B [k, n], in memory b[p * k_stride + j * column_stride], into micro-panels: the share of one of `threads`
   threads. All micro-panels of the first KC rows come first, then those of the next KC. The last panel is padded with zeros. */
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
/* Micro-kernel: C = base + A B for M rows of C and VECTORS vectors of each of PANELS micro-panels, as many as leave
   registers for all the sums and are enough to hide the latency of a multiply-add; base is 0 where it is NULL. The
   micro-panels that are needed next, at `ahead` unless it is NULL, are fetched into the second-level cache. */
#define MICROKERNEL(M, PANELS, VECTORS)                                                                         \
    static void microkernel##M(long k, const operand *a, long row_stride, long k_stride, const operand *b,      \
                               long panel_size, const real *base, long ld_base, real *c, long ldc,              \
                               const operand *ahead) {                                                          \
        enum { TILE = (PANELS) * (VECTORS) };                                                                   \
        for (int j = 0; j < NR; j += (VECTORS) * VL) {                                                          \
            accumulator sum[M][TILE];                                                                           \
            if (base)                                                                                           \
                for (int i = 0; i < M; ++i)                                                                     \
                    for (int v = 0; v < TILE; ++v)                                                              \
                        sum[i][v] = (accumulator)*(const vector *)(base + i * ld_base + j + v * VL);            \
            else                                                                                                \
                for (int i = 0; i < M; ++i)                                                                     \
                    for (int v = 0; v < TILE; ++v) sum[i][v] = (accumulator){0};                                \
            const operand *next = ahead ? ahead + j : 0;                                                        \
            for (long p = 0; p < k; ++p) {                                                                      \
                operand_vector columns[TILE];                                                                   \
                for (int v = 0; v < TILE; ++v)                                                                  \
                    columns[v] = *(const operand_vector *)(b + v / (VECTORS) * panel_size + p * NR + j +        \
                                                           v % (VECTORS) * VL);                                 \
                if (next) {                                                                                     \
                    for (int v = 0; v < TILE; v += CACHE_LINE / VECTOR_BYTES)                                            \
                        __builtin_prefetch(next + v / (VECTORS) * panel_size + v % (VECTORS) * VL, 0, 2);       \
                    next += NR;                                                                                 \
                }                                                                                               \
                for (int i = 0; i < M; ++i)                                                                     \
                    for (int v = 0; v < TILE; ++v)                                                              \
                        MULTIPLY_ADD(sum[i][v], a[i * row_stride + p * k_stride], columns[v]);                  \
            }                                                                                                   \
            for (int i = 0; i < M; ++i)                                                                         \
                for (int v = 0; v < TILE; ++v) *(vector *)(c + i * ldc + j + v * VL) = (vector)sum[i][v];       \
        }                                                                                                       \
    }
MICROKERNEL(1, PANELS_1, NR_VECTORS) MICROKERNEL(2, PANELS_2, NR_VECTORS) MICROKERNEL(3, 1, NR_VECTORS)
MICROKERNEL(4, 1, NR_VECTORS) MICROKERNEL(5, 1, NR_VECTORS) MICROKERNEL(6, 1, NR_VECTORS)
MICROKERNEL(7, 1, NR_VECTORS / 2) MICROKERNEL(8, 1, NR_VECTORS / 2)
#if TALL_MR > 8
MICROKERNEL(9, 1, NR_VECTORS / 2) MICROKERNEL(10, 1, NR_VECTORS / 2)
MICROKERNEL(11, 1, NR_VECTORS / 2) MICROKERNEL(12, 1, NR_VECTORS / 2)
#endif
typedef void microkernel(long, const operand *, long, long, const operand *, long, const real *, long, real *, long,
                         const operand *);
static microkernel *const microkernels[] = {
    0,            microkernel1, microkernel2, microkernel3, microkernel4, microkernel5, microkernel6, microkernel7,
    microkernel8,
#if TALL_MR > 8
    microkernel9, microkernel10, microkernel11, microkernel12,
#endif
};

/* The number of columns of a micro-tile of m rows. */
static inline long tile_columns(long m) { return m == 1 ? PANELS_1 * NR : m == 2 ? PANELS_2 * NR : NR; }

/* Micro-tile: the micro-kernel for m <= TALL_MR rows and the first n columns from a micro-panel on; fewer columns than
   those of a micro-tile go through a scratch buffer. */
static inline void micro_tile(long m, long n, long k, const operand *a, long row_stride, long k_stride,
                              const operand *b, const real *base, long ld_base, real *c, long ldc,
                              const operand *ahead) {
    if (n >= tile_columns(m)) {
        microkernels[m](k, a, row_stride, k_stride, b, k * NR, base, ld_base, c, ldc, ahead);
        return;
    }
    enum { EDGE = PANELS_1 * NR };
    real edge[TALL_MR * EDGE];
    for (long i = 0; base && i < m; ++i) memcpy(edge + i * EDGE, base + i * ld_base, sizeof(real) * n);
    microkernels[m](k, a, row_stride, k_stride, b, k * NR, base ? edge : 0, EDGE, edge, EDGE, ahead);
    for (long i = 0; i < m; ++i) memcpy(c + i * ldc, edge + i * EDGE, sizeof(real) * n);
}

void gemm(long m, long k, long n, const real *a, long lda, const operand *packed_b, const real *bias, real *c,
          long first, long last) {
    const long groups = (m + MC - 1) / MC, height = groups > 1 ? (m + groups - 1) / groups : m;
    /* Rows that are a page apart, or half a page, would share the same few places of the first-level cache. */
    const int copied = K_PER_OPERAND > 1 || lda * sizeof(real) % (m <= FEW ? 2048 : 4096) == 0;
    const int far = K_OPERANDS(k) * PANEL_COLUMNS(n) * sizeof(operand) > L2_BYTES / 2;
    enum { LD = KC / K_PER_OPERAND + CACHE_LINE / sizeof(operand) };
    operand copy[MC * LD];
    for (long ic = 0; ic < m; ic += height) {
        const long mc = m - ic < height ? m - ic : height;
        const long blocks = m <= FEW ? (mc + TALL_MR - 1) / TALL_MR : (mc + MR - 1) / MR;
        const long low = blocks > 1 ? mc / blocks : mc, more = mc - low * blocks, nr = tile_columns(low + (more > 0));
        for (long pc = 0; pc < k || pc == 0; pc += KC) {
            const long kc = k - pc < KC ? k - pc : KC;
            const real *const rows = a + ic * lda + pc;
            for (long i = 0; copied && i < mc; ++i) copy_row(kc, rows + i * lda, copy + i * LD);
            const operand *const left = copied ? copy : (const operand *)rows;
            const long left_ld = copied ? LD : lda;
            for (long j = first; j < last; j += nr) {
                const operand *const panel =
                    packed_b + pc / K_PER_OPERAND * PANEL_COLUMNS(n) + j * K_OPERANDS(kc);
                for (long block = 0, i = 0, mr; block < blocks; ++block, i += mr) {
                    real *const target = c + (ic + i) * n + j;
                    const real *const base = pc ? target : bias ? bias + j : 0;
                    mr = low + (block < more);
                    micro_tile(mr, last - j, K_OPERANDS(kc), left + i * left_ld, left_ld, 1, panel, base, pc ? n : 0,
                               target, n, far && block == 0 ? panel + nr * K_OPERANDS(kc) : 0);
                }
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

/* `pack_b` for at most KC rows. */
static void pack_panels(long k, long n, const real *b, long k_stride, long column_stride, operand *packed_b,
                        long thread, long threads) {
    const long rows = K_OPERANDS(k), blocks = (rows + VL - 1) / VL, first = blocks * thread / threads * VL;
    const long end = blocks * (thread + 1) / threads * VL, last = end < rows ? end : rows;
    for (long jc = 0; jc < n; jc += NR) {
        operand *const panel = packed_b + jc * rows;
        const real *const columns = b + jc * column_stride;
        if (column_stride == 1 && n - jc >= NR) {
            for (long p = first; p < last; ++p) {
                const real *const from = columns + p * K_PER_OPERAND * k_stride;
                for (int v = 0; v < NR; v += VL) {
                    if (v * sizeof(real) % CACHE_LINE == 0) __builtin_prefetch(from + 16 * k_stride + v, 0, 2);
                    *(operand_vector *)(panel + p * NR + v) =
                        load_across_k(from + v, k_stride, k - p * K_PER_OPERAND);
                }
            }
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

void pack_b(long k, long n, const real *b, long k_stride, long column_stride, operand *packed_b, long thread,
            long threads) {
    for (long pc = 0; pc < k; pc += KC)
        pack_panels(k - pc < KC ? k - pc : KC, n, b + pc * k_stride, k_stride, column_stride,
                    packed_b + pc / K_PER_OPERAND * PANEL_COLUMNS(n), thread, threads);
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
