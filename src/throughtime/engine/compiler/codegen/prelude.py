"""What stands at the head of every emitted file: types, and functions of one number.

In single precision e^x, tanh and σ are written so that a compiler can vectorise them, to 3 units in the last place:

    e^x = 2^k e^r,  k = round(x / ln 2),  |r| ≤ ln 2 / 2,  e^r - 1 by its Taylor series to r^7 (error < 6e-9)
    tanh |x| = (e^{2|x|} - 1) / (e^{2|x|} + 1), the numerator 2^k (e^r - 1) + (2^k - 1) so that small x lose nothing

A NaN goes through every comparison here as it does in torch.
"""

import torch

SINGLE = r"""
static inline float power_of_two(float k) {
    union { uint32_t bits; float value; } u;
    u.bits = (uint32_t)((int32_t)k + 127) << 23;
    return u.value;
}
static inline float reduced(float x, float *k) {
    *k = __builtin_rintf(x * 1.44269504f);
    return (x - *k * 0.693145752f) - *k * 1.42860677e-6f;
}
static inline float series(float r) {
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
    const float r = reduced(y, &k), half = __builtin_rintf(0.5f * k);
    return (1.0f + series(r)) * power_of_two(half) * power_of_two(k - half);
}
static inline float SIGMOID(float x) {
    float k, y = x > 87.0f ? 87.0f : x;
    y = y < -87.0f ? -87.0f : y;
    const float r = reduced(-y, &k);
    return 1.0f / (1.0f + (1.0f + series(r)) * power_of_two(k));
}
static inline float TANH(float x) {
    float k, y = 2.0f * __builtin_fabsf(x);
    y = y > 20.0f ? 20.0f : y;
    const float p = series(reduced(y, &k)), s = power_of_two(k), e = s * p + (s - 1.0f);
    return __builtin_copysignf(e / (e + 2.0f), x);
}
"""

DOUBLE = r"""
static inline double EXP(double x) { return __builtin_exp(x); }
static inline double SIGMOID(double x) { return 1.0 / (1.0 + __builtin_exp(-x)); }
static inline double TANH(double x) { return __builtin_tanh(x); }
"""

COMMON = r"""
#define MAXIMUM(a, b) ((a) != (a) || (a) > (b) ? (a) : (b))
#define MINIMUM(a, b) ((a) != (a) || (a) < (b) ? (a) : (b))
#define RELU(a) ((a) < 0 ? (real)0 : (a))
#define SIGN(a) ((real)(((a) > 0) - ((a) < 0)))

struct run {
    long steps, lanes, threads, shared;  /* shared: each thread has columns of every product, not lanes */
    long sides;                          /* of the gradients that go from step to step: 2, or T + 1 to have them all */
    const int64_t *lengths;              /* [lanes], or NULL */
    const uint8_t *resets;               /* [steps, lanes], or NULL */
    real *const *arrays;
    const long *strides;  /* of weight i in memory: 2 i of its rows, 2 i + 1 of its columns */
    long packed;          /* whether the panels hold the weights already */
};
"""

FUNCTIONS = ("fabs", "sqrt", "expm1", "log", "log1p", "erf", "sin", "cos", "atan", "sinh", "cosh", "pow")


def _types(single: bool) -> str:
    lines = ["#include <stdint.h>", "#include <string.h>", "#include <sched.h>", "#include <omp.h>", ""]
    lines.append(f"typedef {'float' if single else 'double'} real;")
    suffix = "f" if single else ""
    lines += [f"#define {name.upper()} __builtin_{name}{suffix}" for name in FUNCTIONS]
    return "\n".join(lines)


TYPES = {torch.float32: _types(True), torch.float64: _types(False)}


def prelude(precision: torch.dtype) -> str:
    """The head of a file in single or double precision."""
    return TYPES[precision] + (SINGLE if precision == torch.float32 else DOUBLE) + COMMON
