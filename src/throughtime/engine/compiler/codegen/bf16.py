"""Operands of the matrix products in C: numbers as they are, or pairs of bfloat16 numbers for dot-product instructions.

In a file that defines BF16 an operand is a pair of neighbours k, k + 1, each rounded to bfloat16 (the upper half of a
single-precision number); one instruction adds the products of pairs to a vector of single-precision sums, where the
processor has AVX512_BF16. On other processors BF16 has no effect, because rounding would gain nothing there. The
vectors are the vector extensions of GCC and clang, so the same text serves every processor.
"""

BF16 = "#define BF16\n"
"""Before `OPERANDS`: round the operands of products to bfloat16."""

OPERANDS = r"""
/* MR x NR: rows and columns of a micro-tile; NR is NR_VECTORS vectors of VL numbers. Up to FEW rows are divided into
   micro-tiles of TALL_MR rows and half of the columns, so that a micro-panel is read less often. A single row takes
   PANELS_1 micro-panels at once, two rows PANELS_2. */
#if defined(__AVX512F__)
enum { VECTOR_BYTES = 64, MR = 6, NR_VECTORS = 4, FEW = 24, PANELS_1 = 1, PANELS_2 = 1 };
#define TALL_MR 12
#elif defined(__AVX__)
enum { VECTOR_BYTES = 32, MR = 6, NR_VECTORS = 2, FEW = 8, PANELS_1 = 4, PANELS_2 = 2 };
#define TALL_MR 8
#elif defined(__aarch64__)
enum { VECTOR_BYTES = 16, MR = 6, NR_VECTORS = 4, FEW = 24, PANELS_1 = 2, PANELS_2 = 1 };
#define TALL_MR 12
#else
enum { VECTOR_BYTES = 16, MR = 6, NR_VECTORS = 2, FEW = 8, PANELS_1 = 4, PANELS_2 = 2 };
#define TALL_MR 8
#endif
/* Blocking: a micro-panel of KC rows fills half of the first-level cache, beside the rows of A; vectors so long that
   it would have few rows read it from the second level. MC rows of A, KC of each, fill a quarter of the second level. */
enum { CACHE_LINE = 64, PANEL_ROW = NR_VECTORS * VECTOR_BYTES };
enum { PANEL_BYTES = PANEL_ROW < 4 * CACHE_LINE ? L1_BYTES / 2 : L2_BYTES / 8 };
enum { KC_FIT = PANEL_BYTES / PANEL_ROW / 16 * 16, KC = KC_FIT > MAX_KC ? MAX_KC : KC_FIT < 64 ? 64 : KC_FIT };
enum { MC_FIT = (L2_BYTES / 4 > MAX_BLOCK ? MAX_BLOCK : L2_BYTES / 4) / (KC * (long)sizeof(real)) / MR * MR };
enum { MC = MC_FIT < 4 * MR ? 4 * MR : MC_FIT };
enum { VL = VECTOR_BYTES / sizeof(real), NR = NR_VECTORS * VL };
typedef real vector __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));
typedef real accumulator __attribute__((vector_size(VECTOR_BYTES)));  /* in registers */
typedef __typeof__((vector){0} < (vector){0}) shuffle_mask;
#define UNROLL _Pragma("GCC unroll 16")

#if defined(BF16) && defined(__AVX512BF16__)
/* A pair of bfloat16 numbers: k in the lower half, k + 1 in the upper half. */
typedef uint32_t operand;
typedef operand operand_vector __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));
enum { K_PER_OPERAND = 2 };
#define MULTIPLY_ADD(sum, a, b) /* needs immintrin.h */ \
    sum = _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32(a), (__m512bh)(b))

/* Round to nearest even: bfloat16 in the upper half of each number's bits; a NaN stays a NaN. */
static inline operand_vector round_bf16(vector x) {
    const operand_vector bits = (operand_vector)x, odd = (bits >> 16) & 1;
    const operand_vector nan = (operand_vector)(x != x);
    return ((bits + 0x7fff + odd) & ~nan) | (nan & 0x7fc00000);
}
static inline operand_vector pair_bf16(vector x, vector y) {
    return (round_bf16(x) >> 16) | (round_bf16(y) & 0xffff0000u);
}
static inline uint32_t round_bf16_scalar(real x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return x != x ? 0x7fc00000u : bits + 0x7fff + ((bits >> 16) & 1);
}
/* Load the pair x[0], x[k_stride], of which `available` numbers exist; a missing one is 0. */
static inline operand load_operand(const real *x, long k_stride, long available) {
    return (round_bf16_scalar(*x) >> 16) | (available > 1 ? round_bf16_scalar(x[k_stride]) & 0xffff0000u : 0);
}
/* Load the pairs of VL neighbours along the other axis than k. */
static inline operand_vector load_across_k(const real *x, long k_stride, long available) {
    return pair_bf16(*(const vector *)x, available > 1 ? *(const vector *)(x + k_stride) : (vector){0});
}
/* Load VL consecutive pairs along k. */
static inline operand_vector load_along_k(const real *x) {
    const vector low = *(const vector *)x, high = *(const vector *)(x + VL);
    shuffle_mask even, odd;
    UNROLL for (int i = 0; i < VL; ++i) even[i] = 2 * i, odd[i] = 2 * i + 1;
    return pair_bf16(__builtin_shuffle(low, high, even), __builtin_shuffle(low, high, odd));
}
/* Copy k numbers of a row of A as pairs. */
static inline void copy_row(long k, const real *a, operand *copy) {
    long p = 0;
    for (; p + 2 * VL <= k; p += 2 * VL) *(operand_vector *)(copy + p / K_PER_OPERAND) = load_along_k(a + p);
    for (; p < k; p += K_PER_OPERAND) copy[p / K_PER_OPERAND] = load_operand(a + p, 1, k - p);
}
#else
typedef real operand;
typedef vector operand_vector;
enum { K_PER_OPERAND = 1 };
#define MULTIPLY_ADD(sum, a, b) sum += (a) * (b)
static inline void copy_row(long k, const real *a, operand *copy) { memcpy(copy, a, sizeof(real) * k); }
static inline operand load_operand(const real *x, long k_stride, long available) { return *x; }
static inline operand_vector load_across_k(const real *x, long k_stride, long available) {
    return *(const vector *)x;
}
static inline operand_vector load_along_k(const real *x) { return *(const vector *)x; }
#endif
/* The number of operands that k numbers take, and of columns that the micro-panels of n columns have. */
#define K_OPERANDS(k) (((k) + K_PER_OPERAND - 1) / K_PER_OPERAND)
#define PANEL_COLUMNS(n) (((n) + NR - 1) / NR * NR)
"""
"""Types and loads of operands, the sizes of micro-tiles and blocks, and one multiply-add.

L1_BYTES and L2_BYTES, the sizes of the caches, and the limits MAX_KC and MAX_BLOCK must be defined.
"""
