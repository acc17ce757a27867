"""Spin barrier in C, for the threads that share one pass over time.

A pass over T steps may need two barriers a step, which a lock and a condition variable would dominate. So a thread
spins on a generation count; after a while it yields, because there may be fewer processors than threads.
"""

BARRIER = r"""
struct barrier {
    int arrived, generation;
};

#if defined(__x86_64__)
#define CPU_PAUSE __builtin_ia32_pause()
#else
#define CPU_PAUSE (void)0
#endif

/* Spin barrier: returns once all `count` threads have called it. */
static inline void barrier_wait(struct barrier *barrier, long count) {
    if (count == 1) return;
    const int generation = __atomic_load_n(&barrier->generation, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&barrier->arrived, 1, __ATOMIC_ACQ_REL) == count) {
        __atomic_store_n(&barrier->arrived, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&barrier->generation, generation + 1, __ATOMIC_RELEASE);
        return;
    }
    for (long spins = 0; __atomic_load_n(&barrier->generation, __ATOMIC_ACQUIRE) == generation; ++spins)
        if (spins < 2000) CPU_PAUSE;
        else sched_yield();
}
"""
"""`struct barrier`, which starts as {0, 0}, and `barrier_wait`."""
