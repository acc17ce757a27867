import ctypes

import pytest
import torch

from throughtime.engine.compiler.codegen.barrier import MEET, most_threads
from throughtime.engine.compiler.runtime.toolchain import library

# Each thread writes the number of the round, meets the others, and looks whether all have written it.
ROUNDS = r"""
#include <sched.h>
#include <omp.h>
%s
long behind(long rounds, long threads, long *at) {
    struct team team = {0, 0};
    long found = 0;
#pragma omp parallel num_threads(threads) reduction(+:found)
    {
        const long thread = omp_get_thread_num(), count = omp_get_num_threads();
        for (long round = 1; round <= rounds; ++round) {
            __atomic_store_n(at + thread, round, __ATOMIC_RELAXED);
            meet(&team, count);
            for (long other = 0; other < count; ++other)
                found += __atomic_load_n(at + other, __ATOMIC_RELAXED) != round;
            meet(&team, count);
        }
    }
    return found;
}
"""


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_nobody_goes_on_before_all_have_come_even_when_processors_are_few(threads):
    behind = library(ROUNDS % MEET).behind
    behind.restype = ctypes.c_long
    assert behind(ctypes.c_long(50), ctypes.c_long(threads), (ctypes.c_long * threads)()) == 0


def test_there_is_always_a_thread():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        assert most_threads() == 1
    finally:
        torch.set_num_threads(before)
