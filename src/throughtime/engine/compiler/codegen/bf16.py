"""What the products multiply, in C: numbers as they are, or pairs of them in bfloat16.

In a file that says HALVES a factor is a pair of neighbours k, k + 1, each rounded to bfloat16 (the upper half of a
single-precision number), and the products of pairs are added in single precision by one instruction for the whole
vector, where the processor has it. Elsewhere a file that says HALVES is like any other: nothing is won by rounding
there. The vectors are those of GCC and clang, so the same text serves every processor.
"""

FACTORS = r"""
#if defined(__AVX512F__)
enum { BYTES = 64, TALL = 6, WIDE = 4 };
#elif defined(__AVX__)
enum { BYTES = 32, TALL = 6, WIDE = 2 };
#else
enum { BYTES = 16, TALL = 6, WIDE = 2 };
#endif
enum { LONG = BYTES / sizeof(real), PANEL = WIDE * LONG };
typedef real vector __attribute__((vector_size(BYTES), aligned(sizeof(real)), may_alias));
typedef real total __attribute__((vector_size(BYTES)));  /* in registers */
typedef __typeof__((vector){0} < (vector){0}) order;
#define UNROLL _Pragma("GCC unroll 16")

#if defined(HALVES) && defined(__AVX512BF16__)
#include <immintrin.h>
/* Two numbers in bfloat16, of k and of k + 1. */
typedef uint32_t factor;
typedef factor factors __attribute__((vector_size(BYTES), aligned(sizeof(real)), may_alias));
enum { PAIR = 2, GROUP = 8 };
#define ADD(sum, x, w) \
    sum = _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32(x), (__m512bh)(w))

/* The bits of a number in the upper half, rounded to the nearest (to even); a NaN stays one. */
static inline factors rounded(vector x) {
    const factors bits = (factors)x, odd = (bits >> 16) & 1;
    const factors none = (factors)(x != x);
    return ((bits + 0x7fff + odd) & ~none) | (none & 0x7fc00000);
}
static inline factors pairs(vector a, vector b) { return (rounded(a) >> 16) | (rounded(b) & 0xffff0000u); }
static inline uint32_t rounded_one(real x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return x != x ? 0x7fc00000u : bits + 0x7fff + ((bits >> 16) & 1);
}
/* The pair at x and k_step further, of which `there` numbers are there. */
static inline factor one(const real *x, long k_step, long there) {
    return (rounded_one(*x) >> 16) | (there > 1 ? rounded_one(x[k_step]) & 0xffff0000u : 0);
}
/* The pairs of LONG neighbours. */
static inline factors across(const real *x, long k_step, long there) {
    return pairs(*(const vector *)x, there > 1 ? *(const vector *)(x + k_step) : (vector){0});
}
/* LONG pairs one after another. */
static inline factors along(const real *x) {
    const vector a = *(const vector *)x, b = *(const vector *)(x + LONG);
    order even, odd;
    UNROLL for (int k = 0; k < LONG; ++k) even[k] = 2 * k, odd[k] = 2 * k + 1;
    return pairs(__builtin_shuffle(a, b, even), __builtin_shuffle(a, b, odd));
}
static inline void halve(long rows, long inner, const real *x, long x_row, factor *y) {
    for (long i = 0; i < rows; ++i, x += x_row, y += DEEP / PAIR) {
        long k = 0;
        for (; k + 2 * LONG <= inner; k += 2 * LONG) *(factors *)(y + k / PAIR) = along(x + k);
        for (; k < inner; k += PAIR) y[k / PAIR] = one(x + k, 1, inner - k);
    }
}
#define LEFT(left, rows, inner, x, x_row)                                                                       \
    factor left[GROUP * TALL * DEEP / PAIR];                                                                    \
    const long left##_row = DEEP / PAIR;                                                                        \
    halve(rows, inner, x, x_row, left)
#else
typedef real factor;
typedef vector factors;
enum { PAIR = 1 };
#define GROUP blocks
#define ADD(sum, x, w) sum += (x) * (w)
#define LEFT(left, rows, inner, x, x_row)                                                                       \
    const factor *const left = x;                                                                               \
    const long left##_row = x_row
static inline factor one(const real *x, long k_step, long there) { return *x; }
static inline factors across(const real *x, long k_step, long there) { return *(const vector *)x; }
static inline factors along(const real *x) { return *(const vector *)x; }
#endif
#define PAIRS(count) (((count) + PAIR - 1) / PAIR)
"""

HALVES = "#define HALVES\n"
