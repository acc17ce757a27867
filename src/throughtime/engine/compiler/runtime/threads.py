"""Threads of compiled code: how many there are, and how a pass divides its work among them."""

import os

import torch

from throughtime.engine.compiler.codegen.pass_function import PassFunction

# Lanes a thread, up to which threads divide the columns of a product: for weights outside of a first-level cache, and
# for those outside of a core's own caches.
MAX_LANES_PER_THREAD, MAX_LANES_PER_THREAD_HUGE = 8, 64
LARGE_WEIGHT, HUGE_WEIGHT = 1 << 16, 1 << 21  # numbers

_forked = False


def _after_fork() -> None:
    # The OpenMP threads of a parent process do not exist in its child.
    global _forked
    _forked = True


os.register_at_fork(after_in_child=_after_fork)


def max_threads() -> int:
    """Number of threads that compiled code may use: torch's, or 1 in a forked process."""
    return 1 if _forked else max(1, torch.get_num_threads())


def divide_work(function: PassFunction, lanes: int) -> tuple[int, bool]:
    """Number of threads of a pass, and whether they divide the columns of each product rather than the lanes.

    Dividing lanes needs no barriers, but each thread reads all of the weights for its few lanes.
    """
    threads = max_threads()
    largest = function.largest_weight
    limit = MAX_LANES_PER_THREAD_HUGE if largest >= HUGE_WEIGHT else MAX_LANES_PER_THREAD
    by_columns = threads > 1 and lanes <= limit * threads and largest >= LARGE_WEIGHT
    return (threads if by_columns else min(threads, max(1, lanes))), by_columns
