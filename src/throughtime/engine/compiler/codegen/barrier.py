"""Threads that share one pass: how many there are, and how they wait for each other, in C.

A pass over T steps may have all of them meet twice a step, so a meeting is a count and a number in memory, and
whoever waits reads that number over and over. After a while it lets others run, for there may be fewer processors
than threads.
"""

import os

import torch

MEET = r"""
struct team {
    int arrived, meetings;
};

#if defined(__x86_64__)
#define PAUSE __builtin_ia32_pause()
#else
#define PAUSE (void)0
#endif

/* Nobody goes on before all have come. */
static inline void meet(struct team *team, long count) {
    if (count == 1) return;
    const int before = __atomic_load_n(&team->meetings, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&team->arrived, 1, __ATOMIC_ACQ_REL) == count) {
        __atomic_store_n(&team->arrived, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&team->meetings, before + 1, __ATOMIC_RELEASE);
        return;
    }
    for (long looks = 0; __atomic_load_n(&team->meetings, __ATOMIC_ACQUIRE) == before; ++looks)
        if (looks < 2000) PAUSE;
        else sched_yield();
}
"""

_forked = False


def _after_fork() -> None:
    # The threads of a parent that has used OpenMP are not there in its child.
    global _forked
    _forked = True


os.register_at_fork(after_in_child=_after_fork)


def most_threads() -> int:
    """How many threads a pass may have."""
    return 1 if _forked else max(1, torch.get_num_threads())
