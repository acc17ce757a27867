"""Operands of the matrix products in C: numbers as they are, or pairs of bfloat16 numbers for dot-product instructions.

In a file that defines BF16 an operand is a pair of neighbours k, k + 1, each rounded to bfloat16 (the upper half of a
single-precision number); one instruction adds the products of pairs to a vector of single-precision sums, where the
processor has AVX512_BF16. On other processors BF16 has no effect, because rounding would gain nothing there. The
vectors are the vector extensions of GCC and clang, so the same text serves every processor.
"""

BF16 = "#define BF16\n"
"""Before `OPERANDS`: round the operands of products to bfloat16."""

OPERANDS = r"""
/* MR x NR: rows and columns of a micro-tile; NR is NR_VECTORS vectors of VL numbers. */
#if defined(__AVX512F__)
enum { VECTOR_BYTES = 64, MR = 6, NR_VECTORS = 4 };
#elif defined(__AVX__)
enum { VECTOR_BYTES = 32, MR = 6, NR_VECTORS = 2 };
#else
enum { VECTOR_BYTES = 16, MR = 6, NR_VECTORS = 2 };
#endif
enum { VL = VECTOR_BYTES / sizeof(real), NR = NR_VECTORS * VL };
typedef real vector __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));
typedef real accumulator __attribute__((vector_size(VECTOR_BYTES)));  /* in registers */
typedef __typeof__((vector){0} < (vector){0}) shuffle_mask;
#define UNROLL _Pragma("GCC unroll 16")

#if defined(BF16) && defined(__AVX512BF16__)
/* A pair of bfloat16 numbers: k in the lower half, k + 1 in the upper half. */
typedef uint32_t operand;
typedef operand operand_vector __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));
enum { K_PER_OPERAND = 2, MC_BLOCKS = 8 };
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
/* Convert A [m, k] with leading dimension lda to pairs [m, KC / 2]. */
static inline void convert_a(long m, long k, const real *a, long lda, operand *converted) {
    for (long i = 0; i < m; ++i, a += lda, converted += KC / K_PER_OPERAND) {
        long p = 0;
        for (; p + 2 * VL <= k; p += 2 * VL) *(operand_vector *)(converted + p / K_PER_OPERAND) = load_along_k(a + p);
        for (; p < k; p += K_PER_OPERAND) converted[p / K_PER_OPERAND] = load_operand(a + p, 1, k - p);
    }
}
/* Declare the operands `name` and their leading dimension `name`_ld of the rows of A. */
#define DECLARE_A(name, m, k, a, lda)                                                                           \
    operand name[MC_BLOCKS * MR * KC / K_PER_OPERAND];                                                          \
    const long name##_ld = KC / K_PER_OPERAND;                                                                  \
    convert_a(m, k, a, lda, name)
#else
typedef real operand;
typedef vector operand_vector;
enum { K_PER_OPERAND = 1 };
#define MC_BLOCKS blocks
#define MULTIPLY_ADD(sum, a, b) sum += (a) * (b)
#define DECLARE_A(name, m, k, a, lda)                                                                           \
    const operand *const name = a;                                                                              \
    const long name##_ld = lda
static inline operand load_operand(const real *x, long k_stride, long available) { return *x; }
static inline operand_vector load_across_k(const real *x, long k_stride, long available) {
    return *(const vector *)x;
}
static inline operand_vector load_along_k(const real *x) { return *(const vector *)x; }
#endif
/* The number of operands that k numbers take. */
#define K_OPERANDS(k) (((k) + K_PER_OPERAND - 1) / K_PER_OPERAND)
"""
"""Types and loads of operands, the sizes MR and NR of a micro-tile, and one multiply-add; KC must be defined."""
