"""Peaks of the processor: multiply-adds of full vectors in registers, and bytes read a second, each measured."""

import ctypes
import math
import time
from collections.abc import Callable
from functools import cache

import torch

from throughtime.engine.compiler.runtime.toolchain import CompilerError, library
from throughtime.errors import UserError

ROUNDS, REPEATS = 1 << 18, 50
ENOUGH = 1.0  # seconds of repeats
BYTES_A_REPEAT = 1 << 26
FLOPS_A_VECTOR = 2 * 12  # a multiplication and an addition for each of the independent sums below
SOURCE = r"""
#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif
#define SUMS 12  /* more than begin within the latency of a multiply-add */
typedef float vector __attribute__((vector_size(BYTES)));

long floats_in_a_vector(void) { return BYTES / sizeof(float); }

float multiply_add(long rounds, long threads, float factor, float added) {
    float total = 0;
#pragma omp parallel for num_threads(threads) reduction(+ : total)
    for (long thread = 0; thread < threads; ++thread) {
        vector sums[SUMS];
        for (long i = 0; i < SUMS; ++i) sums[i] = (vector){0} + (float)i;
        for (long round = 0; round < rounds; ++round)
#pragma GCC unroll 12
            for (long i = 0; i < SUMS; ++i) sums[i] = sums[i] * factor + added;
        for (long i = 0; i < SUMS; ++i) total += sums[i][0];
    }
    return total;
}

/* The threads divide the array; the number of vectors is a multiple of threads * SUMS. */
float read_array(const vector *array, long vectors, long rounds, long threads) {
    float total = 0;
#pragma omp parallel for num_threads(threads) reduction(+ : total)
    for (long thread = 0; thread < threads; ++thread) {
        vector sums[SUMS] = {0};
        const vector *const first = array + vectors * thread / threads, *const last = first + vectors / threads;
        for (long round = 0; round < rounds; ++round) {
            for (const vector *at = first; at < last; at += SUMS)
#pragma GCC unroll 12
                for (long i = 0; i < SUMS; ++i) sums[i] += at[i];
            __asm__ volatile("" ::: "memory");
        }
        for (long i = 0; i < SUMS; ++i) total += sums[i][0];
    }
    return total;
}
"""


@cache
def peak_flops(threads: int) -> float:
    """Floating-point operations a second of multiply-adds in single precision that wait for no memory.

    Raises:
        UserError: there is no C compiler, or it fails.
    """
    compiled = _library()
    work = FLOPS_A_VECTOR * ROUNDS * compiled.floats_in_a_vector() * threads
    run = (ctypes.c_long(ROUNDS), ctypes.c_long(threads), ctypes.c_float(0.999), ctypes.c_float(0.001))
    return work / _best_seconds(lambda: compiled.multiply_add(*run))


@cache
def read_bandwidth(size: int, threads: int) -> float:
    """Bytes a second that threads read of an array of about `size` bytes again and again: small ones stay in caches."""
    compiled = _library()
    unit = compiled.floats_in_a_vector() * FLOPS_A_VECTOR // 2 * threads
    array = torch.ones(unit * max(1, round(size / 4 / unit)) + 16)
    start = -array.data_ptr() % 64  # of a cache line
    numbers = len(array) - 16
    rounds = max(1, BYTES_A_REPEAT // (4 * numbers))
    vectors = numbers // compiled.floats_in_a_vector()
    run = map(ctypes.c_long, (vectors, rounds, threads))
    arguments = ctypes.c_void_p(array.data_ptr() + start), *run
    return 4 * numbers * rounds / _best_seconds(lambda: compiled.read_array(*arguments))


@cache
def _library() -> ctypes.CDLL:
    try:
        compiled = library(SOURCE)
    except CompilerError as error:
        raise UserError(
            f"the peak of this machine is measured in C, and {error}; install gcc or clang"
        ) from error
    compiled.multiply_add.restype = compiled.read_array.restype = ctypes.c_float
    return compiled


def _best_seconds(work: Callable[[], object]) -> float:
    work()
    end, best = time.perf_counter() + ENOUGH, math.inf
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
        if time.perf_counter() > end:
            break
    return best
