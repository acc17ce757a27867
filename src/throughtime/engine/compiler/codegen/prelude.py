"""Prelude of every emitted file: includes, the number type, vectorisable functions, and a pass's arguments.

In single precision e^x, tanh and σ are polynomials that a compiler vectorises, within 3 units in the last place:

    e^x = 2^k e^r,  k = round(x / ln 2),  |r| ≤ ln 2 / 2,  e^r - 1 by its Taylor series to r^7 (error < 6e-9)
    tanh |x| = (e^{2|x|} - 1) / (e^{2|x|} + 1), the numerator 2^k (e^r - 1) + (2^k - 1) so that small x lose no digits

NaNs propagate through every comparison as they do in torch.
"""

import torch

FUNCTIONS_SINGLE = r"""
static inline float power_of_two(float k) {
    union { uint32_t bits; float value; } u;
    u.bits = (uint32_t)((int32_t)k + 127) << 23;
    return u.value;
}
/* Range reduction: r = x - k ln 2 with k = round(x / ln 2). */
static inline float reduce_range(float x, float *k) {
    *k = __builtin_rintf(x * 1.44269504f);
    return (x - *k * 0.693145752f) - *k * 1.42860677e-6f;
}
/* e^r - 1 for |r| <= ln 2 / 2. */
static inline float expm1_polynomial(float r) {
    float p = 1.98412698e-4f;
    p = p * r + 1.38888889e-3f;
    p = p * r + 8.33333333e-3f;
    p = p * r + 4.16666667e-2f;
    p = p * r + 1.66666667e-1f;
    p = p * r + 0.5f;
    return p * r * r + r;
}
static inline float EXP(float x) {
    float k, y = x > 89.0f ? 89.0f : x;
    y = y < -104.0f ? -104.0f : y;
    const float r = reduce_range(y, &k), half = __builtin_rintf(0.5f * k);
    return (1.0f + expm1_polynomial(r)) * power_of_two(half) * power_of_two(k - half);
}
static inline float SIGMOID(float x) {
    float k, y = x > 87.0f ? 87.0f : x;
    y = y < -87.0f ? -87.0f : y;
    const float r = reduce_range(-y, &k);
    return 1.0f / (1.0f + (1.0f + expm1_polynomial(r)) * power_of_two(k));
}
static inline float TANH(float x) {
    float k, y = 2.0f * __builtin_fabsf(x);
    y = y > 20.0f ? 20.0f : y;
    const float p = expm1_polynomial(reduce_range(y, &k)), s = power_of_two(k), e = s * p + (s - 1.0f);
    return __builtin_copysignf(e / (e + 2.0f), x);
}
"""

FUNCTIONS_DOUBLE = r"""
static inline double EXP(double x) { return __builtin_exp(x); }
static inline double SIGMOID(double x) { return 1.0 / (1.0 + __builtin_exp(-x)); }
static inline double TANH(double x) { return __builtin_tanh(x); }
"""

COMMON = r"""
#define MAXIMUM(a, b) ((a) != (a) || (a) > (b) ? (a) : (b))
#define MINIMUM(a, b) ((a) != (a) || (a) < (b) ? (a) : (b))
#define RELU(a) ((a) < 0 ? (real)0 : (a))
#define SIGN(a) ((real)(((a) > 0) - ((a) < 0)))

/* The arguments of a pass. */
struct pass_args {
    long steps, lanes, threads, by_columns;  /* by_columns: threads divide the columns of products, not the lanes */
    long buffers;            /* of gradients from step to step: 2, or T + 1 to keep them all */
    const int64_t *lengths;  /* [lanes], or NULL */
    const uint8_t *resets;   /* [steps, lanes], or NULL */
    real *const *arrays;
    const long *strides;  /* of weight i in memory: 2 i of its rows, 2 i + 1 of its columns */
    long packed;          /* whether the weights are packed already */
};
"""

BUILTINS = ("fabs", "sqrt", "expm1", "log", "log1p", "erf", "sin", "cos", "atan", "sinh", "cosh", "pow")


def _types(single: bool) -> str:
    lines = ["#include <stdint.h>", "#include <string.h>", "#include <sched.h>", "#include <omp.h>", ""]
    lines.append(f"typedef {'float' if single else 'double'} real;")
    suffix = "f" if single else ""
    lines += [f"#define {name.upper()} __builtin_{name}{suffix}" for name in BUILTINS]
    return "\n".join(lines)


TYPES = {torch.float32: _types(True), torch.float64: _types(False)}
"""Includes and the number type `real`, by precision."""


def prelude(precision: torch.dtype) -> str:
    """The prelude in C for single or double precision."""
    return TYPES[precision] + (FUNCTIONS_SINGLE if precision == torch.float32 else FUNCTIONS_DOUBLE) + COMMON
