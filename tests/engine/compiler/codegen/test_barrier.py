import ctypes

import pytest

from throughtime.engine.compiler.codegen.barrier import BARRIER
from throughtime.engine.compiler.runtime.toolchain import library

# Each thread writes the number of the round, waits for the others, and counts those that have not written it.
ROUNDS = r"""
#include <sched.h>
#include <omp.h>
%s
long behind(long rounds, long threads, long *at) {
    struct barrier barrier = {0, 0};
    long found = 0;
#pragma omp parallel num_threads(threads) reduction(+:found)
    {
        const long thread = omp_get_thread_num(), count = omp_get_num_threads();
        for (long round = 1; round <= rounds; ++round) {
            __atomic_store_n(at + thread, round, __ATOMIC_RELAXED);
            barrier_wait(&barrier, count);
            for (long other = 0; other < count; ++other)
                found += __atomic_load_n(at + other, __ATOMIC_RELAXED) != round;
            barrier_wait(&barrier, count);
        }
    }
    return found;
}
"""


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_no_thread_passes_before_all_have_arrived_also_with_more_threads_than_processors(threads):
    behind = library(ROUNDS % BARRIER).behind
    behind.restype = ctypes.c_long
    assert behind(ctypes.c_long(50), ctypes.c_long(threads), (ctypes.c_long * threads)()) == 0
